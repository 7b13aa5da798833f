package gocd.registry.bridge;

import static gocd.registry.bridge.FaultyServer.chunk;
import static gocd.registry.bridge.FaultyServer.head;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ForwarderTest {
    private static final String VALIDATE = "cd.go.artifact.store.validate";
    private static final String PUBLISH = "cd.go.artifact.publish-artifact";
    private static final String RESPONSE = "{\"response\":{\"code\":200,\"headers\":{},\"body\":\"{\\\"a\\\":1}\"}}\n";

    private final List<String> console = new ArrayList<>();

    @AfterEach
    void noThreadIsLeftBehind() throws InterruptedException {
        long deadline = System.nanoTime() + Duration.ofSeconds(5).toNanos();
        while (readers() > 0 && System.nanoTime() < deadline) {
            Thread.sleep(20);
        }
        assertEquals(0, readers());
    }

    private static long readers() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("gocd-registry-bridge-reader"))
                .count();
    }

    private Answer forward(String name, String server, String... settings) throws BridgeException {
        Map<String, String> values = new java.util.HashMap<>(Map.of(
                "gocd.registry.server", server, "gocd.registry.idle_timeout", "1", "gocd.registry.poll_timeout", "1",
                "gocd.registry.start_wait", "0.001", "gocd.registry.connect_timeout", "1"));
        for (int i = 0; i < settings.length; i += 2) {
            values.put("gocd.registry." + settings[i], settings[i + 1]);
        }
        Settings loaded = Settings.from(values::get, key -> null, Path.of("/nonexistent"));
        return new Forwarder(loaded)
                .forward(new Call("artifact", name, "2.0", "{\"Password\":\"s3cret\"}"), (level, line) ->
                        console.add(level + " " + line));
    }

    private String failure(String name, FaultyServer.Behaviour behaviour) throws Exception {
        try (FaultyServer server = new FaultyServer(behaviour)) {
            String message = assertThrows(BridgeException.class, () -> forward(name, server.address())).getMessage();
            assertTrue(message.contains(server.address()), message);
            assertFalse(message.contains("s3cret"), message);
            return message;
        }
    }

    @Test
    void anAnswerPassesByteForByteWithItsCode() throws Exception {
        String body = "[ {\"key\":\"ä\"} ]\n\n";
        try (FaultyServer server = new FaultyServer(out -> {
            out.write(head(500, "application/json"));
            out.write(chunk(body));
            out.write(chunk(""));
        })) {
            Answer answer = forward(VALIDATE, server.address(), "token", "t0ken");
            assertEquals(500, answer.code);
            assertEquals(body, answer.body);
            String request = server.requests.get(0);
            assertTrue(request.startsWith("POST /v1/artifact/" + VALIDATE + " HTTP/1.1"), request);
            assertTrue(request.contains("Authorization: Bearer t0ken"), request);
            assertTrue(request.contains("X-GoCD-Extension-Version: 2.0"), request);
            assertTrue(request.endsWith("{\"Password\":\"s3cret\"}"), request);
        }
    }

    @Test
    void consoleLinesComeInOrderBeforeTheAnswer() throws Exception {
        try (FaultyServer server = new FaultyServer(out -> {
            out.write(head(200, "application/x-ndjson"));
            for (int i = 0; i < 500; i++) {
                out.write(chunk("{\"console_log\":{\"logLevel\":\"INFO\",\"message\":\"" + i + "\"}}\n"));
            }
            out.write(chunk(RESPONSE));
            out.write(chunk(""));
        })) {
            assertEquals("{\"a\":1}", forward(PUBLISH, server.address()).body);
            assertEquals(500, console.size());
            assertEquals("INFO 499", console.get(499));
        }
    }

    @Test
    void anErrorStatusOfAStreamPassesWithItsBody() throws Exception {
        try (FaultyServer server = new FaultyServer(out -> {
            out.write(head(401, "text/plain"));
            out.write(chunk("The bearer token is wrong."));
            out.write(chunk(""));
        })) {
            Answer answer = forward(PUBLISH, server.address());
            assertEquals(401, answer.code);
            assertEquals("The bearer token is wrong.", answer.body);
        }
    }

    @Test
    void aServerThatIsNotThereIsNamedWithReasonAndSetting() {
        String message = assertThrows(BridgeException.class, () -> forward(VALIDATE, "http://127.0.0.1:1"))
                .getMessage();
        assertTrue(message.contains("http://127.0.0.1:1 (connection refused)"), message);
        assertTrue(message.contains("GOCD_REGISTRY_SERVER"), message);
    }

    @Test
    void severalAddressesAreTriedInOrder() throws Exception {
        try (FaultyServer server = new FaultyServer(out -> {
            out.write(head(200, "application/json"));
            out.write(chunk("[]"));
            out.write(chunk(""));
        })) {
            assertEquals("[]", forward(VALIDATE, "http://127.0.0.1:1, " + server.address()).body);
        }
    }

    @Test
    void whatGoCdAsksAtItsStartWaitsForAServerThatStartsLater() throws Exception {
        int port;
        try (FaultyServer probe = new FaultyServer(out -> out.write(0))) {
            port = Integer.parseInt(probe.address().substring(probe.address().lastIndexOf(':') + 1));
        }
        Thread late = new Thread(() -> {
            try (java.net.ServerSocket listener =
                    new java.net.ServerSocket(port, 5, java.net.InetAddress.getLoopbackAddress())) {
                Thread.sleep(10);
                try (java.net.Socket socket = listener.accept()) {
                    socket.getInputStream().read(new byte[4096]);
                    socket.getOutputStream()
                            .write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".getBytes("UTF-8"));
                }
            } catch (java.io.IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        Thread starter = new Thread(() -> {
            try {
                Thread.sleep(700);
            } catch (InterruptedException e) {
                return;
            }
            late.start();
        });
        starter.start();
        Answer answer = forward("cd.go.artifact.get-capabilities", "http://127.0.0.1:" + port, "start_wait", "10");
        assertEquals("{}", answer.body);
        starter.join();
        late.join();
    }

    @Test
    void aSlowAnswerIsGivenUp() throws Exception {
        String message = failure(VALIDATE, out -> Thread.sleep(3000));
        assertTrue(message.contains("said nothing for 1 seconds"), message);
    }

    @Test
    void aStreamThatFallsSilentIsGivenUp() throws Exception {
        String message = failure(PUBLISH, out -> {
            out.write(head(200, "application/x-ndjson"));
            out.write(chunk("{\"console_log\":{\"logLevel\":\"INFO\",\"message\":\"so far\"}}\n"));
            out.flush();
            Thread.sleep(3000);
        });
        assertTrue(message.contains("said nothing for 1 seconds"), message);
        assertEquals(List.of("INFO so far"), console);
    }

    @Test
    void aStreamThatIsCutSaysSo() throws Exception {
        failure(PUBLISH, out -> {
            out.write(head(200, "application/x-ndjson"));
            out.write(chunk("{\"console_log\":{\"logLevel\":\"INFO\",\"message\":\"so far\"}}\n"));
        });
    }

    @Test
    void anEmptyStreamSaysSo() throws Exception {
        String message = failure(PUBLISH, out -> {
            out.write(head(200, "application/x-ndjson"));
            out.write(chunk(""));
        });
        assertTrue(message.contains("ended before the response came"), message);
    }

    @Test
    void aLineThatIsNoJsonSaysSo() throws Exception {
        String message = failure(PUBLISH, out -> {
            out.write(head(200, "application/x-ndjson"));
            out.write(chunk("<html>\n"));
            out.write(chunk(""));
        });
        assertTrue(message.contains("no JSON object («<html>»)"), message);
    }

    @Test
    void aResponseWithoutCodeSaysSo() throws Exception {
        String message = failure(PUBLISH, out -> {
            out.write(head(200, "application/x-ndjson"));
            out.write(chunk("{\"response\":{}}\n"));
            out.write(chunk(""));
        });
        assertTrue(message.contains("no code and body"), message);
    }

    @Test
    void aLineOfTenMebibytesIsRefused() throws Exception {
        String message = failure(PUBLISH, out -> {
            out.write(head(200, "application/x-ndjson"));
            out.write(chunk("x".repeat(10 * 1024 * 1024)));
        });
        assertTrue(message.contains("a line of more than"), message);
    }

    @Test
    void aPageWhereJsonIsDueSaysSo() throws Exception {
        String message = failure(VALIDATE, out -> {
            out.write(head(200, "text/html"));
            out.write(chunk("<html>Welcome</html>"));
            out.write(chunk(""));
        });
        assertTrue(message.contains("its answer is no JSON"), message);
    }

    @Test
    void garbageInsteadOfHttpSaysSo() throws Exception {
        failure(VALIDATE, out -> out.write("SSH-2.0-x\r\n\r\n".getBytes("UTF-8")));
    }

    @Test
    void aCommandThatIsNotThereIsNamed() {
        String message = assertThrows(BridgeException.class, () -> forward(VALIDATE, "exec:/no/such/command"))
                .getMessage();
        assertTrue(message.contains("exec:/no/such/command"), message);
    }

    @Test
    void aCommandThatIsNoneOfOursSaysSo() {
        String message =
                assertThrows(BridgeException.class, () -> forward(VALIDATE, "exec:/bin/true")).getMessage();
        assertTrue(message.contains("ended before the response came"), message);
    }
}
