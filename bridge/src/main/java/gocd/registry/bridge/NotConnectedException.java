package gocd.registry.bridge;

import java.io.IOException;

/** The server was not reached: nothing was sent, so that another address, or another moment, may be tried. */
final class NotConnectedException extends IOException {
    private static final long serialVersionUID = 1L;

    NotConnectedException(String reason, Throwable cause) {
        super(reason, cause);
    }
}
