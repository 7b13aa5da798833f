package gocd.registry.bridge;

import com.thoughtworks.go.plugin.api.GoPluginIdentifier;
import com.thoughtworks.go.plugin.api.annotation.Extension;
import java.util.List;

/** The package-repository extension: images as pipeline material. */
@Extension
public class PackageRepositoryPlugin extends ForwardingPlugin {
    /** Called by GoCD. */
    public PackageRepositoryPlugin() {
        super(new GoPluginIdentifier("package-repository", List.of("1.0")));
    }
}
