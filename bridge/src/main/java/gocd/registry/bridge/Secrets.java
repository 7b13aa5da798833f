package gocd.registry.bridge;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The secret values of one request. */
final class Secrets {
    private static final Set<String> KEYS =
            Set.of("Password", "AWSSecretAccessKey", "AWSAccessKeyId", "DOCKER_REGISTRY_PASSWORD");
    private static final String MASK = "******";

    private final List<String> values;

    private Secrets(List<String> values) {
        this.values = values;
    }

    /** Finds them wherever they stand in a request's body. */
    static Secrets in(String body) {
        List<String> values = new ArrayList<>();
        if (body != null && !body.isBlank()) {
            try {
                collect(JsonParser.parseString(body), values);
            } catch (JsonParseException e) {
                // Then the server refuses the body, and says nothing of what is in it.
                values.clear();
            }
        }
        // The longest first: a secret that is part of another must not spoil its masking.
        values.sort(Comparator.comparingInt(String::length).reversed());
        return new Secrets(values);
    }

    String mask(String text) {
        String masked = text;
        for (String value : values) {
            masked = masked.replace(value, MASK);
        }
        return masked;
    }

    private static void collect(JsonElement element, List<String> values) {
        if (element.isJsonArray()) {
            element.getAsJsonArray().forEach(item -> collect(item, values));
        } else if (element.isJsonObject()) {
            for (Map.Entry<String, JsonElement> entry : element.getAsJsonObject().entrySet()) {
                take(entry.getKey(), entry.getValue(), values);
            }
        }
    }

    private static void take(String key, JsonElement value, List<String> values) {
        JsonElement plain = value;
        if (KEYS.contains(key) && value.isJsonObject()) {
            JsonObject wrapped = value.getAsJsonObject();
            plain = wrapped.has("value") ? wrapped.get("value") : value;
        }
        if (KEYS.contains(key) && plain.isJsonPrimitive()) {
            if (!plain.getAsString().isEmpty()) {
                values.add(plain.getAsString());
            }
        } else {
            collect(value, values);
        }
    }
}
