import com.azure.core.credential.AzureKeyCredential;
import com.azure.core.credential.AzureSasCredential;
import com.azure.core.exception.HttpResponseException;
import com.azure.core.models.CloudEvent;
import com.azure.core.models.CloudEventDataFormat;
import com.azure.core.util.BinaryData;
import com.azure.messaging.eventgrid.EventGridEvent;
import com.azure.messaging.eventgrid.EventGridPublisherClient;
import com.azure.messaging.eventgrid.EventGridPublisherClientBuilder;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Publishes with azure-messaging-eventgrid as tests/clients/expected.py says; `key2` with the asynchronous client. */
public final class Publish {
    private static final OffsetDateTime MOMENT = OffsetDateTime.parse("2030-01-01T00:00:00.123Z");
    private static final String SERVER = System.getenv("GIVEN_URL");
    private static final String WORKSPACE = SERVER + "/api/events";
    private static final String CLOUDS = SERVER + "/topics/clouds/api/events";
    private static final String ORDERS = SERVER + "/topics/orders/api/events";

    public static void main(String[] arguments) {
        String key1 = System.getenv("GIVEN_KEY1");
        String cloudsKey = System.getenv("GIVEN_CLOUDS_KEY");
        OffsetDateTime now = OffsetDateTime.now();

        for (var way : List.of(Map.entry("key1", withKey(WORKSPACE, key1)),
                Map.entry("sas", withSignature(WORKSPACE, key1, now.plusHours(1))))) {
            way.getValue().buildEventGridEventPublisherClient().sendEvents(grid(way.getKey()));
            way.getValue().buildCloudEventPublisherClient().sendEvents(cloud(way.getKey()));
        }
        EventGridPublisherClientBuilder second = withKey(WORKSPACE, System.getenv("GIVEN_KEY2"));
        second.buildEventGridEventPublisherAsyncClient().sendEvents(grid("key2")).block();
        second.buildCloudEventPublisherAsyncClient().sendEvents(cloud("key2")).block();
        withSignature(CLOUDS, cloudsKey, now.plusHours(1)).buildCloudEventPublisherClient().sendEvents(cloud("clouds"));
        Map<String, Object> own = Map.of("myId", "java-custom-1", "kind", "T", "about", "orders/é",
                "more", Map.of("a", Arrays.asList(1, 2.5, null)));
        withKey(ORDERS, System.getenv("GIVEN_ORDERS_KEY")).buildCustomEventPublisherClient()
                .sendEvents(List.of(BinaryData.fromObject(own)));

        List<String> errors = new ArrayList<>();
        for (EventGridPublisherClientBuilder builder : List.of(withKey(WORKSPACE, "d3Jvbmc="),
                withSignature(WORKSPACE, key1, now.minusHours(1)), withKey(CLOUDS, cloudsKey))) {
            try {
                builder.buildEventGridEventPublisherClient().sendEvents(grid("refused"));
            } catch (HttpResponseException error) {
                Object code = ((Map<?, ?>) ((Map<?, ?>) error.getValue()).get("error")).get("code");
                errors.add("[" + error.getResponse().getStatusCode() + ", \"" + code + "\"]");
            }
        }
        System.out.println("{\"errors\": " + errors + "}");
        System.exit(0);
    }

    private static EventGridPublisherClientBuilder withKey(String address, String key) {
        return new EventGridPublisherClientBuilder().endpoint(address).credential(new AzureKeyCredential(key));
    }

    private static EventGridPublisherClientBuilder withSignature(String address, String key, OffsetDateTime until) {
        String token = EventGridPublisherClient.generateSas(address, new AzureKeyCredential(key), until);
        return new EventGridPublisherClientBuilder().endpoint(address).credential(new AzureSasCredential(token));
    }

    private static List<EventGridEvent> grid(String way) {
        List<EventGridEvent> events = new ArrayList<>();
        for (int n = 1; n <= 2; n++) {
            // As text: the serializer of objects leaves members out that are null.
            String data = "{\"n\": " + n + ", \"f\": 1.5, \"s\": \"\u2028\\\"\\\\\", \"deep\": [{\"a\": null}]}";
            events.add(new EventGridEvent("models/é:" + n, "T", BinaryData.fromString(data), "2")
                    .setId("java-" + way + "-grid-" + n).setEventTime(MOMENT));
        }
        return events;
    }

    private static List<CloudEvent> cloud(String way) {
        CloudEvent first = new CloudEvent("/me", "T", BinaryData.fromObject(Map.of("n", 1)),
                CloudEventDataFormat.JSON, "application/json");
        first.setId("java-" + way + "-cloud-1").setSubject("s").setTime(MOMENT).setDataSchema("https://x/y")
                .addExtensionAttribute("mine", "x");
        CloudEvent second = new CloudEvent("/me", "T", BinaryData.fromBytes(new byte[] {0, (byte) 255}),
                CloudEventDataFormat.BYTES, "application/octet-stream");
        second.setId("java-" + way + "-cloud-2");
        return List.of(first, second);
    }
}
