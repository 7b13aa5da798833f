package gocd.registry.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.thoughtworks.go.plugin.api.GoApplicationAccessor;
import com.thoughtworks.go.plugin.api.GoPlugin;
import com.thoughtworks.go.plugin.api.exceptions.UnhandledRequestTypeException;
import com.thoughtworks.go.plugin.api.request.DefaultGoPluginApiRequest;
import com.thoughtworks.go.plugin.api.request.GoApiRequest;
import com.thoughtworks.go.plugin.api.response.DefaultGoApiResponse;
import com.thoughtworks.go.plugin.api.response.GoApiResponse;
import com.thoughtworks.go.plugin.api.response.GoPluginApiResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The built JAR against the running server and a real docker-registry: all requests, publish, poll and fetch. */
class TourIT {
    @TempDir
    static Path folder;

    private static RunningParts parts;
    private static BuiltJar.Loader loader;

    private final List<String> console = new ArrayList<>();

    @BeforeAll
    static void start() throws Exception {
        parts = new RunningParts(folder);
        loader = BuiltJar.load();
    }

    @AfterAll
    static void stop() throws Exception {
        loader.close();
        parts.close();
    }

    @BeforeEach
    void useTheServer() {
        System.setProperty("gocd.registry.server", parts.server());
    }

    private GoPlugin plugin(String name) throws Exception {
        GoPlugin plugin = (GoPlugin) Class.forName("gocd.registry.bridge." + name, true, loader)
                .getDeclaredConstructor()
                .newInstance();
        plugin.initializeGoApplicationAccessor(new GoApplicationAccessor() {
            @Override
            public GoApiResponse submit(GoApiRequest request) {
                assertEquals("go.processor.artifact.console-log", request.api());
                assertEquals("1.0", request.apiVersion());
                console.add(JsonParser.parseString(request.requestBody())
                        .getAsJsonObject()
                        .get("message")
                        .getAsString());
                return DefaultGoApiResponse.success("");
            }
        });
        return plugin;
    }

    private String artifact(String name, String body) throws Exception {
        return ask("ArtifactPlugin", "artifact", "2.0", "cd.go.artifact." + name, body);
    }

    private String material(String name, String body) throws Exception {
        return ask("PackageRepositoryPlugin", "package-repository", "1.0", name, body);
    }

    private String ask(String type, String extension, String version, String name, String body) throws Exception {
        DefaultGoPluginApiRequest request = new DefaultGoPluginApiRequest(extension, version, name);
        request.setRequestBody(body);
        GoPluginApiResponse response = plugin(type).handle(request);
        assertEquals(200, response.responseCode(), response.responseBody());
        return response.responseBody();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "get-capabilities", "get-icon", "store.get-metadata", "store.get-view", "publish.get-metadata",
                "publish.get-view", "fetch.get-metadata", "fetch.get-view"
            })
    void whatGoCdAsksAtItsStartIsAnswered(String name) throws Exception {
        assertTrue(JsonParser.parseString(artifact(name, null)) != null);
    }

    @Test
    void formsAreValidated() throws Exception {
        assertEquals("[]", artifact("store.validate", store()));
        assertTrue(artifact("publish.validate", "{\"Image\":\"A/B\"}").contains("lower case"));
        assertEquals("[]", artifact("fetch.validate", "{\"Format\":\"oci\",\"Destination\":\"x.tar\"}"));
        assertEquals("[]", material("validate-repository-configuration", packageBody(null)));
        assertEquals("[]", material("validate-package-configuration", packageBody(null)));
        assertTrue(material("repository-configuration", "").contains("DOCKER_REGISTRY_URL"));
        assertTrue(material("package-configuration", "").contains("DOCKER_IMAGE"));
    }

    @Test
    void anUnknownRequestIsUnhandled() {
        assertThrows(UnhandledRequestTypeException.class, () -> artifact("no-such-request", "{}"));
    }

    @Test
    void publishPollAndFetch() throws Exception {
        tour(parts.server());
    }

    @Test
    void publishPollAndFetchWithoutAnyServer() throws Exception {
        tour("exec:" + parts.command());
    }

    private void tour(String server) throws Exception {
        String image = server.startsWith("exec") ? "team/exec" : "team/app";
        System.setProperty("gocd.registry.server", server);
        parts.writeImage(folder.resolve("image"), "first");
        assertTrue(material("check-repository-connection", packageBody(image)).contains("Docker registry found."));
        JsonObject published = object(artifact("publish-artifact", publishBody(image, "1.9")));
        String digest = published.getAsJsonObject("metadata").get("digest").getAsString();
        assertTrue(console.get(0).startsWith("Publishing the OCI layout"), console.toString());
        assertTrue(console.get(console.size() - 1).contains(digest), console.toString());

        assertTrue(material("check-package-connection", packageBody(image)).contains("Docker image found."));
        JsonObject first = object(material("latest-revision", packageBody(image)));
        assertEquals("1.9", first.get("revision").getAsString());
        assertEquals("{}", material("latest-revision-since", since(image, first)));
        artifact("publish-artifact", publishBody(image, "1.10"));
        JsonObject newer = object(material("latest-revision-since", since(image, first)));
        assertEquals("1.10", newer.get("revision").getAsString());

        JsonObject fetch = new JsonObject();
        fetch.add("store_configuration", object(store()));
        fetch.add("fetch_artifact_configuration", object("{\"Format\":\"oci-layout\",\"Destination\":\"out\","
                + "\"Platform\":\"linux/amd64\"}"));
        fetch.add("artifact_metadata", published.get("metadata"));
        fetch.addProperty("agent_working_directory", folder.toString());
        JsonArray variables = JsonParser.parseString(artifact("fetch-artifact", fetch.toString()))
                .getAsJsonArray();
        assertEquals(5, variables.size());
        assertTrue(Files.exists(folder.resolve("out/index.json")));
    }

    private static JsonObject object(String json) {
        return JsonParser.parseString(json).getAsJsonObject();
    }

    private static String store() {
        return "{\"RegistryType\":\"other\",\"RegistryURL\":\"" + parts.registry() + "\",\"Username\":null}";
    }

    private static String publishBody(String image, String tag) {
        return "{\"artifact_store\":{\"id\":\"s\",\"configuration\":" + store() + "},\"artifact_plan\":{\"id\":\"a\","
                + "\"storeId\":\"s\",\"configuration\":{\"Image\":\"" + image + "\",\"Tag\":\"" + tag
                + "\",\"ImagePath\":\"image\"}},\"agent_working_directory\":\"" + folder
                + "\",\"environment_variables\":{}}";
    }

    private static String packageBody(String image) {
        return "{\"repository-configuration\":{\"DOCKER_REGISTRY_URL\":{\"value\":\"" + parts.registry()
                + "/v2/\"},\"DOCKER_REGISTRY_NAME\":{\"value\":\"test\"},\"DOCKER_REGISTRY_PASSWORD\":{}},"
                + "\"package-configuration\":{\"DOCKER_IMAGE\":{\"value\":\"" + (image == null ? "a/b" : image)
                + "\"},\"DOCKER_TAG_FILTER\":{}}}";
    }

    private static String since(String image, JsonObject previous) {
        JsonObject body = object(packageBody(image));
        JsonObject known = new JsonObject();
        for (String key : List.of("revision", "timestamp", "data")) {
            known.add(key, previous.get(key));
        }
        body.add("previous-revision", known);
        return body.toString();
    }
}
