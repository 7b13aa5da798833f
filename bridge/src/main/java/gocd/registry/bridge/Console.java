package gocd.registry.bridge;

/** The job's console. */
interface Console {
    void line(String level, String message);
}
