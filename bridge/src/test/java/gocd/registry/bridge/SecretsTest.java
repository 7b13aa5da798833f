package gocd.registry.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class SecretsTest {
    @Test
    void aStoresSecretsAreMaskedWhereverTheyStand() {
        Secrets secrets = Secrets.in("{\"artifact_store\":{\"configuration\":{\"Password\":\"pa55\",\"Username\":\"ci\","
                + "\"AWSSecretAccessKey\":\"pa55word\"}}}");
        assertEquals("ci: ****** and ******", secrets.mask("ci: pa55 and pa55word"));
    }

    @Test
    void aPackageRepositorysPasswordIsWrapped() {
        Secrets secrets = Secrets.in("{\"repository-configuration\":{\"DOCKER_REGISTRY_PASSWORD\":{\"value\":\"x9\"}}}");
        assertEquals("a ******", secrets.mask("a x9"));
    }

    @Test
    void whatIsNoJsonHasNoSecrets() {
        assertEquals("text", Secrets.in("{").mask("text"));
        assertEquals("text", Secrets.in(null).mask("text"));
    }
}
