package gocd.registry.bridge;

import com.google.gson.JsonObject;
import com.thoughtworks.go.plugin.api.GoApplicationAccessor;
import com.thoughtworks.go.plugin.api.GoPluginIdentifier;
import com.thoughtworks.go.plugin.api.request.DefaultGoApiRequest;

/** Relays lines to GoCD, with secrets masked: GoCD does not mask a store's. */
final class GoConsole implements Console {
    private static final String REQUEST = "go.processor.artifact.console-log";
    private static final String VERSION = "1.0";

    private final GoApplicationAccessor accessor;
    private final GoPluginIdentifier identifier;
    private final Secrets secrets;

    GoConsole(GoApplicationAccessor accessor, GoPluginIdentifier identifier, Secrets secrets) {
        this.accessor = accessor;
        this.identifier = identifier;
        this.secrets = secrets;
    }

    @Override
    public void line(String level, String message) {
        if (accessor == null) {
            return;
        }
        JsonObject body = new JsonObject();
        body.addProperty("logLevel", "ERROR".equals(level) ? "ERROR" : "INFO");
        body.addProperty("message", secrets.mask(message));
        DefaultGoApiRequest request = new DefaultGoApiRequest(REQUEST, VERSION, identifier);
        request.setRequestBody(body.toString());
        accessor.submit(request);
    }
}
