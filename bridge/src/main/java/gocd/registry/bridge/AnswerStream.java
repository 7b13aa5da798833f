package gocd.registry.bridge;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;

/** A streamed answer: console lines as they come, then one response. */
final class AnswerStream {
    private final LineReader lines;
    private final Console console;

    AnswerStream(LineReader lines, Console console) {
        this.lines = lines;
        this.console = console;
    }

    Answer read() throws IOException, InterruptedException {
        for (String line = lines.next(); line != null; line = lines.next()) {
            if (line.isBlank()) {
                continue;
            }
            JsonObject item = parse(line);
            if (item.has("response")) {
                return answer(item.get("response"));
            }
            relay(item.get("console_log"));
        }
        throw new IOException("its answer ended before the response came");
    }

    private static JsonObject parse(String line) throws IOException {
        try {
            return JsonParser.parseString(line).getAsJsonObject();
        } catch (JsonParseException | IllegalStateException e) {
            String start = line.length() > 100 ? line.substring(0, 100) + "…" : line;
            throw new IOException("it sent a line that is no JSON object («" + start + "»)", e);
        }
    }

    private static Answer answer(JsonElement response) throws IOException {
        try {
            JsonObject object = response.getAsJsonObject();
            return new Answer(object.get("code").getAsInt(), object.get("body").getAsString());
        } catch (IllegalStateException | NullPointerException | UnsupportedOperationException
                | NumberFormatException e) {
            throw new IOException("its response has no code and body", e);
        }
    }

    private void relay(JsonElement log) {
        if (log != null && log.isJsonObject() && log.getAsJsonObject().has("message")) {
            JsonObject line = log.getAsJsonObject();
            String level = line.has("logLevel") ? line.get("logLevel").getAsString() : "INFO";
            console.line(level, line.get("message").getAsString());
        }
    }
}
