package gocd.registry.bridge;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A server on a raw socket, for what a well-behaved one can't be made to do. */
final class FaultyServer implements AutoCloseable {
    /** Says or does something with the connection, whose request was read. */
    interface Behaviour {
        void answer(OutputStream output) throws IOException, InterruptedException;
    }

    final List<String> requests = new CopyOnWriteArrayList<>();
    private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final Behaviour behaviour;

    FaultyServer(Behaviour behaviour) throws IOException {
        this.behaviour = behaviour;
        Thread thread = new Thread(this::serve, "faulty-server");
        thread.setDaemon(true);
        thread.start();
    }

    String address() {
        return "http://127.0.0.1:" + listener.getLocalPort();
    }

    static byte[] chunk(String text) {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        return (Integer.toHexString(body.length) + "\r\n" + text + "\r\n").getBytes(StandardCharsets.UTF_8);
    }

    static byte[] head(int status, String type) {
        return ("HTTP/1.1 " + status + " X\r\nContent-Type: " + type + "\r\nTransfer-Encoding: chunked\r\n\r\n")
                .getBytes(StandardCharsets.UTF_8);
    }

    private void serve() {
        while (!listener.isClosed()) {
            try (Socket socket = listener.accept()) {
                requests.add(readRequest(socket.getInputStream()));
                behaviour.answer(socket.getOutputStream());
            } catch (IOException e) {
                // The client or the test closed the connection.
                continue;
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private static String readRequest(InputStream input) throws IOException {
        StringBuilder text = new StringBuilder();
        while (text.indexOf("\r\n\r\n") < 0) {
            text.append((char) input.read());
        }
        String head = text.toString().toLowerCase(java.util.Locale.ROOT);
        int at = head.indexOf("content-length:");
        int length = at < 0 ? 0 : Integer.parseInt(head.substring(at + 15, head.indexOf("\r\n", at)).trim());
        return text + new String(input.readNBytes(length), StandardCharsets.UTF_8);
    }

    @Override
    public void close() throws IOException {
        listener.close();
    }
}
