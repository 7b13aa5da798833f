package gocd.registry.bridge;

import com.thoughtworks.go.plugin.api.request.GoPluginApiRequest;

/** One request of GoCD. Its body may hold secrets and is never shown. */
final class Call {
    final String extension;
    final String name;
    final String version;
    final String body;

    Call(String extension, String name, String version, String body) {
        this.extension = extension;
        this.name = name;
        this.version = version == null ? "" : version;
        this.body = body == null ? "" : body;
    }

    static Call of(String extension, GoPluginApiRequest request) {
        return new Call(extension, request.requestName(), request.extensionVersion(), request.requestBody());
    }

    /** Whether it may take long and says on the job's console how it goes. */
    boolean isTransfer() {
        return name.endsWith(".publish-artifact") || name.endsWith(".fetch-artifact");
    }

    /** Whether GoCD asks it when it loads the plugin, and gives the plugin up if it fails. */
    boolean isAskedAtStart() {
        return name.endsWith(".get-metadata")
                || name.endsWith(".get-view")
                || name.endsWith(".get-icon")
                || name.endsWith(".get-capabilities")
                || name.endsWith(".get-configuration")
                || name.equals("repository-configuration")
                || name.equals("package-configuration");
    }
}
