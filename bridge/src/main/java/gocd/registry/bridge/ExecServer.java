package gocd.registry.bridge;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** No server at all: the command answers one request as a child process, with the same stream on its output. */
final class ExecServer implements Server {
    private static final long SECONDS_TO_END = 10;

    private final String command;
    private final Settings settings;

    ExecServer(String command, Settings settings) {
        this.command = command;
        this.settings = settings;
    }

    @Override
    public Answer send(Call call, Console console) throws IOException, InterruptedException {
        Process process = start(call);
        LineReader lines = new LineReader(process.getInputStream(), call.isTransfer() ? settings.idleTimeout : settings.pollTimeout);
        try {
            try (OutputStream input = process.getOutputStream()) {
                input.write(call.body.getBytes(StandardCharsets.UTF_8));
            } catch (IOException e) {
                // It ended without reading: its output says why.
                console.line("ERROR", command + " did not read the request.");
            }
            return new AnswerStream(lines, console).read();
        } finally {
            // The process first: a read from its output would hold up the closing of it.
            stop(process);
            lines.close();
        }
    }

    private Process start(Call call) throws NotConnectedException {
        List<String> arguments = call.version.isEmpty()
                ? List.of(command, "request", call.extension, call.name)
                : List.of(command, "request", call.extension, call.name, "--extension-version", call.version);
        try {
            // What it logs goes to the agent's own log, where a person looks for it.
            return new ProcessBuilder(arguments)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
        } catch (IOException e) {
            throw new NotConnectedException("it can't be started: " + e.getMessage(), e);
        }
    }

    private static void stop(Process process) throws InterruptedException {
        // An ordinary end first, so that it cleans up after itself.
        process.destroy();
        if (!process.waitFor(SECONDS_TO_END, TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
    }
}
