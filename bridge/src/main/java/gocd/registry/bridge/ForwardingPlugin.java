package gocd.registry.bridge;

import com.thoughtworks.go.plugin.api.GoApplicationAccessor;
import com.thoughtworks.go.plugin.api.GoPlugin;
import com.thoughtworks.go.plugin.api.GoPluginIdentifier;
import com.thoughtworks.go.plugin.api.exceptions.UnhandledRequestTypeException;
import com.thoughtworks.go.plugin.api.request.GoPluginApiRequest;
import com.thoughtworks.go.plugin.api.response.DefaultGoPluginApiResponse;
import com.thoughtworks.go.plugin.api.response.GoPluginApiResponse;

/** A plugin that knows no request: it carries each to the server and the answer back. */
public abstract class ForwardingPlugin implements GoPlugin {
    private final GoPluginIdentifier identifier;
    private volatile GoApplicationAccessor accessor;

    ForwardingPlugin(GoPluginIdentifier identifier) {
        this.identifier = identifier;
    }

    @Override
    public void initializeGoApplicationAccessor(GoApplicationAccessor accessor) {
        this.accessor = accessor;
    }

    @Override
    public GoPluginApiResponse handle(GoPluginApiRequest request) throws UnhandledRequestTypeException {
        Answer answer;
        try {
            Settings settings = Settings.load();
            Console console = new GoConsole(accessor, identifier, Secrets.in(request.requestBody()));
            answer = new Forwarder(settings).forward(Call.of(identifier.getExtension(), request), console);
        } catch (BridgeException e) {
            return DefaultGoPluginApiResponse.error(e.getMessage());
        }
        if (answer.code == 404) {
            throw new UnhandledRequestTypeException(request.requestName());
        }
        return new DefaultGoPluginApiResponse(answer.code, answer.body);
    }

    @Override
    public GoPluginIdentifier pluginIdentifier() {
        return identifier;
    }
}
