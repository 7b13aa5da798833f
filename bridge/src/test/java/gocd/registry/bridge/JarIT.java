package gocd.registry.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;

/** The JAR's layout, checked as GoCD checks it. */
class JarIT {
    @Test
    void theManifestHasNoBundleNameSinceTheDescriptorRules() throws IOException {
        try (JarFile jar = BuiltJar.open()) {
            assertNotNull(jar.getManifest());
            assertNull(jar.getManifest().getMainAttributes().getValue("Bundle-SymbolicName"));
        }
    }

    @Test
    void theDescriptorHasTheChosenIdAndWhatItsSchemaDemands() throws Exception {
        try (JarFile jar = BuiltJar.open()) {
            Document document = DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(jar.getInputStream(jar.getEntry("plugin.xml")));
            assertEquals("go-plugin", document.getDocumentElement().getTagName());
            assertEquals(
                    System.getProperty("plugin.id"), document.getDocumentElement().getAttribute("id"));
            assertEquals("1", document.getDocumentElement().getAttribute("version"));
            for (String tag : List.of("name", "version", "target-go-version", "description", "vendor", "url")) {
                assertTrue(document.getElementsByTagName(tag).getLength() > 0, tag);
            }
        }
    }

    @Test
    void everyClassOutsideOfLibCanBeLoaded() throws Exception {
        List<String> names = new ArrayList<>();
        try (JarFile jar = BuiltJar.open()) {
            for (JarEntry entry : java.util.Collections.list(jar.entries())) {
                if (entry.getName().endsWith(".class")) {
                    names.add(entry.getName().replace('/', '.').substring(0, entry.getName().length() - 6));
                }
            }
        }
        try (BuiltJar.Loader loader = BuiltJar.load()) {
            for (String name : names) {
                Class<?> loaded = Class.forName(name, true, loader);
                assertEquals(loader, loaded.getClassLoader());
            }
        }
        assertTrue(names.size() > 10);
    }
}
