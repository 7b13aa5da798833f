package gocd.registry.bridge;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** HTTP clients, one for each way to connect: each has a thread of its own, so they are shared. */
final class HttpClients {
    private static final Map<String, HttpClient> CLIENTS = new ConcurrentHashMap<>();

    private HttpClients() {}

    static HttpClient of(Settings settings) throws BridgeException {
        String key = settings.connectTimeout + " " + settings.caCertificate;
        HttpClient client = CLIENTS.get(key);
        if (client == null) {
            client = create(settings.connectTimeout, settings.caCertificate);
            HttpClient earlier = CLIENTS.putIfAbsent(key, client);
            client = earlier == null ? client : earlier;
        }
        return client;
    }

    private static HttpClient create(Duration connectTimeout, Path caCertificate) throws BridgeException {
        HttpClient.Builder builder = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(connectTimeout);
        if (caCertificate != null) {
            builder.sslContext(trusting(caCertificate));
        }
        return builder.build();
    }

    private static SSLContext trusting(Path file) throws BridgeException {
        try (InputStream pem = Files.newInputStream(file)) {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            int number = 0;
            for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
                store.setCertificateEntry("ca-" + number++, certificate);
            }
            TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init(store);
            TrustManager[] managers = factory.getTrustManagers();
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, managers, null);
            return context;
        } catch (IOException | GeneralSecurityException e) {
            throw new BridgeException(
                    "The registry bridge could not read the CA certificate " + file + ": " + e.getMessage()
                            + ". Check GOCD_REGISTRY_CA_CERTIFICATE; it takes a PEM file.",
                    e);
        }
    }
}
