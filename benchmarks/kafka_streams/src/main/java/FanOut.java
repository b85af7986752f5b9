import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;

/**
 * Fan-out as a Kafka Streams topology: decode once, then for each sink a filter on type and subject prefix.
 *
 * <p>Arguments: bootstrap servers, application id, processing guarantee, state directory, threads, milliseconds between
 * commits, milliseconds to linger, source topic, subject prefix, types and sinks (both separated by commas).
 */
public final class FanOut {
  private static final JsonFactory JSON = new JsonFactory();

  /** What the filters look at, and the bytes that are passed on as they are. */
  private record Event(byte[] json, String type, String subject) {}

  private FanOut() {}

  public static void main(String[] arguments) {
    StreamsBuilder builder = new StreamsBuilder();
    Serde<Event> events = Serdes.serdeFrom((topic, event) -> event.json(), (topic, json) -> read(json));
    KStream<byte[], Event> source = builder.stream(arguments[7], Consumed.with(Serdes.ByteArray(), events));
    String prefix = arguments[8];
    Set<String> types = Set.of(arguments[9].split(","));
    for (String sink : arguments[10].split(",")) {
      source
          .filter((key, event) -> types.contains(event.type()) && event.subject().startsWith(prefix))
          .to(sink, Produced.with(Serdes.ByteArray(), events));
    }
    KafkaStreams streams = new KafkaStreams(builder.build(), settings(arguments));
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }

  private static Event read(byte[] json) {
    String type = "";
    String subject = "";
    try (JsonParser parser = JSON.createParser(json)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        switch (name) {
          case "eventType" -> type = parser.getText();
          case "subject" -> subject = parser.getText();
          default -> parser.skipChildren();
        }
      }
    } catch (IOException error) {
      throw new SerializationException(error);
    }
    return new Event(json, type, subject);
  }

  private static Properties settings(String[] arguments) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1]);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, arguments[2]);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[3]);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, arguments[4]);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, arguments[5]);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), arguments[6]);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.ACKS_CONFIG), "all");
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 * 1024);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 128L * 1024 * 1024);
    settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG), 50);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    return settings;
  }
}
