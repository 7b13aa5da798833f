package gocd.registry.bridge;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Tries the server's addresses in order; what GoCD asks at its start is tried for a while. */
final class Forwarder {
    private static final Duration PAUSE = Duration.ofMillis(500);

    private final Settings settings;

    Forwarder(Settings settings) {
        this.settings = settings;
    }

    Answer forward(Call call, Console console) throws BridgeException {
        long deadline = System.nanoTime() + (call.isAskedAtStart() ? settings.startWait.toNanos() : 0);
        while (true) {
            List<String> failures = new ArrayList<>();
            try {
                Answer answer = tryAll(call, console, failures);
                if (answer != null) {
                    return answer;
                }
                if (System.nanoTime() >= deadline) {
                    throw notReached(failures);
                }
                Thread.sleep(PAUSE.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new BridgeException("The registry bridge was interrupted during " + call.name + ".", e);
            }
        }
    }

    private Answer tryAll(Call call, Console console, List<String> failures)
            throws BridgeException, InterruptedException {
        for (String address : settings.servers) {
            try {
                return server(address).send(call, console);
            } catch (NotConnectedException e) {
                failures.add(address + " (" + e.getMessage() + ")");
            } catch (IOException e) {
                throw new BridgeException(
                        "The registry server at " + address + " broke off " + call.name + ": " + e.getMessage()
                                + ". Look into its log; what was under way is cleaned up there.",
                        e);
            }
        }
        return null;
    }

    private Server server(String address) throws BridgeException {
        if (address.startsWith("exec:")) {
            return new ExecServer(address.substring("exec:".length()), settings);
        }
        return new HttpServer(address, settings);
    }

    private static BridgeException notReached(List<String> failures) {
        return new BridgeException("The registry server could not be reached at " + String.join(", ", failures)
                + ". Start it there, or correct the address: " + Settings.WHERE);
    }
}
