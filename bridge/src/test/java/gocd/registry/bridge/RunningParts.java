package gocd.registry.bridge;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The plugin server and a docker-registry as child processes on loopback. */
final class RunningParts implements AutoCloseable {
    private static final Path REPOSITORY = Path.of(System.getProperty("repository")).toAbsolutePath().normalize();

    private final List<Process> processes = new ArrayList<>();
    private final int registryPort = freePort();
    private final int serverPort = freePort();

    RunningParts(Path folder) throws Exception {
        Path config = folder.resolve("registry.yml");
        Files.writeString(config, "{\"version\": \"0.1\", \"log\": {\"level\": \"error\"}, \"storage\": {\"filesystem\": "
                + "{\"rootdirectory\": \"" + folder.resolve("data") + "\"}}, \"http\": {\"addr\": \"127.0.0.1:"
                + registryPort + "\"}}");
        start(folder, "docker-registry", "serve", config.toString());
        start(folder, command(), "serve", "--port", String.valueOf(serverPort));
        waitFor(registryPort);
        waitFor(serverPort);
    }

    String command() {
        return REPOSITORY.resolve(".venv/bin/gocd-registry").toString();
    }

    String server() {
        return "http://127.0.0.1:" + serverPort;
    }

    String registry() {
        return "http://127.0.0.1:" + registryPort;
    }

    /** Writes a sample image as an OCI layout. */
    void writeImage(Path target, String content) throws IOException, InterruptedException {
        String script = "import pathlib, sys; from deploy.sample_image import write_layout; "
                + "write_layout(pathlib.Path(sys.argv[1]), sys.argv[2])";
        Process process = new ProcessBuilder(
                        REPOSITORY.resolve(".venv/bin/python").toString(), "-c", script, target.toString(), content)
                .directory(REPOSITORY.toFile())
                .inheritIO()
                .start();
        if (process.waitFor() != 0) {
            throw new IOException("the sample image could not be written");
        }
    }

    private void start(Path folder, String... command) throws IOException {
        File log = folder.resolve(Path.of(command[0]).getFileName() + ".log").toFile();
        processes.add(new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log)
                .start());
    }

    private static int freePort() {
        try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return listener.getLocalPort();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void waitFor(int port) throws InterruptedException, IOException {
        for (int attempt = 0; attempt < 300; attempt++) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                return;
            } catch (IOException e) {
                Thread.sleep(100);
            }
        }
        throw new IOException("nothing listens on " + port);
    }

    @Override
    public void close() throws InterruptedException {
        for (Process process : processes) {
            process.destroy();
        }
        for (Process process : processes) {
            process.waitFor();
        }
    }
}
