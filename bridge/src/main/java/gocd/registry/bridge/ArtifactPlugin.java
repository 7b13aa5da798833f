package gocd.registry.bridge;

import com.thoughtworks.go.plugin.api.GoPluginIdentifier;
import com.thoughtworks.go.plugin.api.annotation.Extension;
import java.util.List;

/** The artifact extension: publishes and fetches images. */
@Extension
public class ArtifactPlugin extends ForwardingPlugin {
    /** Called by GoCD. */
    public ArtifactPlugin() {
        super(new GoPluginIdentifier("artifact", List.of("1.0", "2.0")));
    }
}
