package gocd.registry.bridge;

/** The server's answer, to be handed to GoCD as it is. */
final class Answer {
    final int code;
    final String body;

    Answer(int code, String body) {
        this.code = code;
        this.body = body;
    }
}
