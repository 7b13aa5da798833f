package gocd.registry.bridge;

import java.io.IOException;

/** One way to a server. */
interface Server {
    /**
     * Carries a call there and the answer back.
     *
     * @throws NotConnectedException when nothing was sent
     * @throws IOException when the server broke off
     */
    Answer send(Call call, Console console) throws IOException, InterruptedException;
}
