package gocd.registry.bridge;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Reads lines, and gives up when nothing comes for too long. A thread reads, since a read can't be timed; closing the
 * stream ends it.
 */
final class LineReader implements AutoCloseable {
    static final int LONGEST_LINE = 4 * 1024 * 1024;
    private static final int LINES_AHEAD = 64;
    private static final Object END = new Object();

    private final InputStream input;
    private final Duration idle;
    private final BlockingQueue<Object> queue = new LinkedBlockingQueue<>(LINES_AHEAD);
    private final Thread thread;

    LineReader(InputStream input, Duration idle) {
        this.input = input;
        this.idle = idle;
        this.thread = new Thread(this::readLines, "gocd-registry-bridge-reader");
        thread.setDaemon(true);
        thread.start();
    }

    /** The next line, or null at the end. */
    String next() throws IOException, InterruptedException {
        Object item = queue.poll(idle.toMillis(), TimeUnit.MILLISECONDS);
        if (item == null) {
            throw new IOException("it said nothing for " + idle.toSeconds() + " seconds");
        }
        if (item instanceof IOException) {
            throw (IOException) item;
        }
        return item == END ? null : (String) item;
    }

    /** Every line that is left. */
    String readAll() throws IOException, InterruptedException {
        StringBuilder all = new StringBuilder();
        for (String line = next(); line != null; line = next()) {
            all.append(all.length() == 0 ? "" : "\n").append(line);
        }
        return all.toString();
    }

    private void readLines() {
        try {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            byte[] buffer = new byte[8192];
            for (int count = input.read(buffer); count >= 0; count = input.read(buffer)) {
                line = split(buffer, count, line);
            }
            if (line.size() > 0) {
                queue.put(line.toString(StandardCharsets.UTF_8));
            }
            queue.put(END);
        } catch (IOException e) {
            offer(new IOException(e.getMessage() == null ? "the connection was cut" : e.getMessage(), e));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private ByteArrayOutputStream split(byte[] buffer, int count, ByteArrayOutputStream line)
            throws IOException, InterruptedException {
        int start = 0;
        for (int i = 0; i < count; i++) {
            if (buffer[i] == '\n') {
                line.write(buffer, start, i - start);
                queue.put(line.toString(StandardCharsets.UTF_8));
                line.reset();
                start = i + 1;
            }
        }
        line.write(buffer, start, count - start);
        if (line.size() > LONGEST_LINE) {
            throw new IOException("it sent a line of more than " + LONGEST_LINE + " bytes");
        }
        return line;
    }

    private void offer(Object item) {
        try {
            queue.put(item);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() throws IOException {
        thread.interrupt();
        input.close();
    }
}
