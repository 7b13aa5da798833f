package gocd.registry.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsTest {
    @TempDir
    Path folder;

    @Test
    void aPropertyWinsOverTheEnvironmentAndThatOverTheFile() throws Exception {
        Path file = folder.resolve(Settings.FILE);
        Files.writeString(file, "server=http://file\ntoken=from-file\nidle_timeout=5\n");
        Map<String, String> environment =
                Map.of("GOCD_REGISTRY_SERVER", "http://environment/", "GOCD_REGISTRY_TOKEN", "from-environment");
        Map<String, String> properties = Map.of("gocd.registry.server", "http://one, http://two");
        Settings settings = Settings.from(properties::get, environment::get, file);
        assertEquals(List.of("http://one", "http://two"), settings.servers);
        assertEquals("from-environment", settings.token);
        assertEquals(5, settings.idleTimeout.toSeconds());
    }

    @Test
    void theTokenMayStandInAFile() throws Exception {
        Path file = folder.resolve("token");
        Files.writeString(file, "t0ken\n");
        Map<String, String> properties = Map.of("gocd.registry.token_file", file.toString());
        assertEquals("t0ken", Settings.from(properties::get, key -> null, folder.resolve("none")).token);
    }

    @Test
    void whatIsNoNumberSaysWhichSetting() {
        Map<String, String> properties = Map.of("gocd.registry.idle_timeout", "soon");
        String message = assertThrows(
                        BridgeException.class,
                        () -> Settings.from(properties::get, key -> null, folder.resolve("none")))
                .getMessage();
        assertTrue(message.contains("idle_timeout is «soon»"), message);
    }
}
