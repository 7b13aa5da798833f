package gocd.registry.bridge;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.function.Function;

/**
 * Where the server is and how long to wait: a system property, then an environment variable, then a file beside
 * GoCD's configuration. Plugin settings of GoCD do not reach agents.
 */
final class Settings {
    static final String FILE = "gocd-registry.properties";
    static final String WHERE = "Set gocd.registry.server (system property), GOCD_REGISTRY_SERVER (environment) or "
            + "server in " + FILE + " beside GoCD's configuration.";

    final List<String> servers;
    final String token;
    final Path caCertificate;
    final Duration connectTimeout;
    final Duration idleTimeout;
    final Duration pollTimeout;
    final Duration startWait;

    private Settings(Function<String, String> lookUp) throws BridgeException {
        servers = split(text(lookUp, "server", "http://127.0.0.1:8800"));
        token = token(lookUp);
        String ca = text(lookUp, "ca_certificate", "");
        caCertificate = ca.isEmpty() ? null : Path.of(ca);
        connectTimeout = seconds(lookUp, "connect_timeout", "10");
        idleTimeout = seconds(lookUp, "idle_timeout", "900");
        pollTimeout = seconds(lookUp, "poll_timeout", "120");
        startWait = seconds(lookUp, "start_wait", "60");
    }

    static Settings load() throws BridgeException {
        return from(System::getProperty, System::getenv, configurationFile());
    }

    static Settings from(Function<String, String> properties, Function<String, String> environment, Path file)
            throws BridgeException {
        Properties fromFile = read(file);
        return new Settings(key -> first(
                properties.apply("gocd.registry." + key),
                environment.apply("GOCD_REGISTRY_" + key.toUpperCase(java.util.Locale.ROOT)),
                fromFile.getProperty(key)));
    }

    private static Path configurationFile() {
        String folder = System.getProperty("cruise.config.dir", "config");
        return Path.of(folder, FILE);
    }

    private static Properties read(Path file) throws BridgeException {
        Properties properties = new Properties();
        if (Files.isRegularFile(file)) {
            try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
                properties.load(reader);
            } catch (IOException | IllegalArgumentException e) {
                throw new BridgeException("The registry bridge could not read " + file + ": " + e.getMessage(), e);
            }
        }
        return properties;
    }

    private static String token(Function<String, String> lookUp) throws BridgeException {
        String token = text(lookUp, "token", "");
        String file = text(lookUp, "token_file", "");
        if (!token.isEmpty() || file.isEmpty()) {
            return token;
        }
        try {
            return Files.readString(Path.of(file)).trim();
        } catch (IOException e) {
            throw new BridgeException(
                    "The registry bridge could not read its token file " + file + " (" + e.getClass().getSimpleName()
                            + "). Check GOCD_REGISTRY_TOKEN_FILE and who may read the file.",
                    e);
        }
    }

    private static Duration seconds(Function<String, String> lookUp, String key, String otherwise)
            throws BridgeException {
        String text = text(lookUp, key, otherwise);
        try {
            return Duration.ofMillis(Math.max(1, Math.round(Double.parseDouble(text) * 1000)));
        } catch (NumberFormatException e) {
            throw new BridgeException(
                    "The registry bridge's setting " + key + " is «" + text + "»: write a number of seconds.", e);
        }
    }

    private static List<String> split(String servers) {
        List<String> found = new ArrayList<>();
        for (String server : servers.split("[,\\s]+")) {
            if (!server.isEmpty()) {
                found.add(server.endsWith("/") ? server.substring(0, server.length() - 1) : server);
            }
        }
        return found;
    }

    private static String text(Function<String, String> lookUp, String key, String otherwise) {
        String value = lookUp.apply(key);
        return value == null ? otherwise : value.trim();
    }

    private static String first(String... values) {
        for (String value : values) {
            if (value != null && !value.isBlank()) {
                return value;
            }
        }
        return null;
    }
}
