package gocd.registry.bridge;

/** A failure in words for a person who reads it in GoCD. */
final class BridgeException extends Exception {
    private static final long serialVersionUID = 1L;

    BridgeException(String message) {
        super(message);
    }

    BridgeException(String message, Throwable cause) {
        super(message, cause);
    }
}
