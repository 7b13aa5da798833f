package gocd.registry.bridge;

import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;

/** A server reached over HTTP. */
final class HttpServer implements Server {
    private final String address;
    private final Settings settings;
    private final HttpClient client;

    HttpServer(String address, Settings settings) throws BridgeException {
        this.address = address;
        this.settings = settings;
        this.client = HttpClients.of(settings);
    }

    @Override
    public Answer send(Call call, Console console) throws IOException, InterruptedException {
        return call.isTransfer() ? stream(call, console) : plain(call);
    }

    private Answer plain(Call call) throws IOException, InterruptedException {
        HttpRequest request = request(call, "application/json", settings.pollTimeout);
        HttpResponse<String> response =
                await(client.sendAsync(request, BodyHandlers.ofString(StandardCharsets.UTF_8)), settings.pollTimeout);
        return new Answer(response.statusCode(), checked(response));
    }

    private static String checked(HttpResponse<String> response) throws IOException {
        try {
            if (response.statusCode() == 200) {
                JsonParser.parseString(response.body());
            }
        } catch (JsonParseException e) {
            throw new IOException("its answer is no JSON; perhaps another server listens there", e);
        }
        return response.body();
    }

    private Answer stream(Call call, Console console) throws IOException, InterruptedException {
        HttpRequest request = request(call, "application/x-ndjson", settings.idleTimeout);
        HttpResponse<InputStream> response =
                await(client.sendAsync(request, BodyHandlers.ofInputStream()), settings.idleTimeout);
        try (LineReader lines = new LineReader(response.body(), settings.idleTimeout)) {
            if (response.statusCode() != 200) {
                return new Answer(response.statusCode(), lines.readAll());
            }
            return new AnswerStream(lines, console).read();
        }
    }

    private HttpRequest request(Call call, String accept, Duration timeout) throws NotConnectedException {
        HttpRequest.Builder request;
        try {
            URI uri = URI.create(address + "/v1/" + call.extension + "/" + call.name);
            request = HttpRequest.newBuilder(uri);
        } catch (IllegalArgumentException e) {
            throw new NotConnectedException("it is no address; write http://host:port", e);
        }
        request.timeout(timeout)
                .header("Accept", accept)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(call.body));
        if (!call.version.isEmpty()) {
            request.header("X-GoCD-Extension-Version", call.version);
        }
        if (!settings.token.isEmpty()) {
            request.header("Authorization", "Bearer " + settings.token);
        }
        return request.build();
    }

    private static <T> T await(CompletableFuture<T> future, Duration limit) throws IOException, InterruptedException {
        try {
            return future.get(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new IOException("it said nothing for " + limit.toSeconds() + " seconds", e);
        } catch (ExecutionException e) {
            throw translated(e.getCause(), limit);
        } finally {
            future.cancel(true);
        }
    }

    private static IOException translated(Throwable cause, Duration limit) {
        if (cause instanceof HttpConnectTimeoutException) {
            return new NotConnectedException("no connection within the connect timeout", cause);
        }
        if (cause instanceof ConnectException) {
            boolean unresolved = cause.getCause() instanceof UnresolvedAddressException;
            return new NotConnectedException(unresolved ? "the host name is not known" : "connection refused", cause);
        }
        if (cause instanceof SSLException) {
            return new NotConnectedException("TLS: " + cause.getMessage() + "; see ca_certificate", cause);
        }
        if (cause instanceof java.net.http.HttpTimeoutException) {
            return new IOException("it said nothing for " + limit.toSeconds() + " seconds", cause);
        }
        return new IOException(cause.getMessage() == null ? cause.toString() : cause.getMessage(), cause);
    }
}
