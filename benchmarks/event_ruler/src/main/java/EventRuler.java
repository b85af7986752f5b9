import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import java.util.TreeSet;
import software.amazon.event.ruler.Machine;

/**
 * event-ruler behind a pipe: loads a bank, then does on request what benchmarks/matching.py asks.
 *
 * <p>Arguments: events (a JSON object a line), rules (likewise; the id is the line's number), seconds to load in.
 * Prints "loaded RULES SECONDS". Requests: "pass SECONDS" → "EVENTS MATCHES SECONDS CPU-SECONDS", stopping early when the time is up;
 * "ids N" → the ids of the rules that match each of the first N events, a line each; "end".
 */
public final class EventRuler {
  private static final int BATCH = 500;

  private EventRuler() {}

  public static void main(String[] arguments) throws Exception {
    List<byte[]> events = new ArrayList<>();
    for (String line : Files.readAllLines(Path.of(arguments[0]))) {
      events.add(line.getBytes(StandardCharsets.UTF_8));
    }
    Machine machine = load(Files.readAllLines(Path.of(arguments[1])), Double.parseDouble(arguments[2]));
    BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null && !line.equals("end"); line = requests.readLine()) {
      String[] words = line.split(" ");
      if (words[0].equals("pass")) {
        pass(machine, events, Double.parseDouble(words[1]));
      } else {
        ids(machine, events.subList(0, Integer.parseInt(words[1])));
      }
      System.out.flush();
    }
  }

  private static Machine load(List<String> rules, double limit) throws Exception {
    Machine machine = new Machine();
    long start = System.nanoTime();
    int loaded = 0;
    while (loaded < rules.size() && since(start) < limit) {
      machine.addRule(Integer.toString(loaded), rules.get(loaded));
      loaded++;
    }
    System.out.println("loaded " + loaded + " " + since(start));
    System.out.flush();
    return machine;
  }

  private static void pass(Machine machine, List<byte[]> events, double limit) throws Exception {
    long matches = 0;
    int done = 0;
    long cpu = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    long start = System.nanoTime();
    while (done < events.size() && (done % BATCH != 0 || since(start) < limit)) {
      matches += matching(machine, events.get(done)).size();
      done++;
    }
    double seconds = since(start);
    double cpuSeconds = (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - cpu) / 1e9;
    System.out.println(done + " " + matches + " " + seconds + " " + cpuSeconds);
  }

  private static void ids(Machine machine, List<byte[]> events) throws Exception {
    for (byte[] event : events) {
      TreeSet<Integer> ids = new TreeSet<>();
      for (String name : matching(machine, event)) {
        ids.add(Integer.valueOf(name));
      }
      StringJoiner line = new StringJoiner(" ");
      ids.forEach(id -> line.add(id.toString()));
      System.out.println(line);
    }
  }

  private static List<String> matching(Machine machine, byte[] event) throws Exception {
    return machine.rulesForJSONEvent(new String(event, StandardCharsets.UTF_8));
  }

  private static double since(long start) {
    return (System.nanoTime() - start) / 1e9;
  }
}
