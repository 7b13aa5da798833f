package gocd.registry.bridge;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/** The built JAR, loaded as GoCD loads it: its classes, what is in its lib/, and the plugin API; nothing else. */
final class BuiltJar {
    private static final Path JAR = Path.of(System.getProperty("bridge.jar"));

    private BuiltJar() {}

    static JarFile open() throws IOException {
        return new JarFile(JAR.toFile());
    }

    static Loader load() throws IOException {
        List<URL> urls = new ArrayList<>();
        urls.add(JAR.toUri().toURL());
        Path folder = Files.createTempDirectory("bridge-lib");
        try (JarFile jar = open()) {
            for (JarEntry entry : Collections.list(jar.entries())) {
                if (entry.getName().startsWith("lib/") && entry.getName().endsWith(".jar")) {
                    Path target = folder.resolve(Path.of(entry.getName()).getFileName());
                    try (InputStream input = jar.getInputStream(entry)) {
                        Files.copy(input, target);
                    }
                    urls.add(target.toUri().toURL());
                }
            }
        }
        return new Loader(urls);
    }

    /** Sees the plugin API of the tests, and none of their other classes. */
    static final class Loader extends URLClassLoader {
        Loader(List<URL> urls) {
            super(urls.toArray(new URL[0]), ClassLoader.getPlatformClassLoader());
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            if (name.startsWith("com.thoughtworks.go.plugin.api.")) {
                return Loader.class.getClassLoader().loadClass(name);
            }
            return super.findClass(name);
        }
    }
}
