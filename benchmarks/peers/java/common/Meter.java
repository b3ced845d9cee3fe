package peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;

/** Wall and CPU time of this process from the first scan after the warm-up on. */
public final class Meter {
    private static final AtomicLong SEEN = new AtomicLong();
    private static long warmUp;
    private static volatile long begun;
    private static volatile double cpu;

    private Meter() { }

    /** So many scans come before the clocks start. */
    public static void warmUp(long scans) {
        warmUp = scans;
    }

    /** One more scan; gives how many there were. */
    public static long count() {
        long seen = SEEN.incrementAndGet();
        if (seen == warmUp + 1) {
            cpu = cpu();
            begun = System.nanoTime();
        }
        return seen;
    }

    /** User and system seconds of the whole process; /proc counts a hundred ticks a second. */
    private static double cpu() {
        String said = read("/proc/self/stat");
        String[] words = said.substring(said.lastIndexOf(')') + 2).split(" ");
        return (Long.parseLong(words[11]) + Long.parseLong(words[12])) / 100.0;
    }

    private static long peakMb() {
        return read("/proc/self/status").lines().filter(line -> line.startsWith("VmHWM"))
            .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024).findFirst().orElse(0);
    }

    private static String read(String file) {
        try {
            return Files.readString(Path.of(file));
        } catch (IOException fault) {
            throw new UncheckedIOException(fault);
        }
    }

    /** One line of JSON; `end`: System.nanoTime() when all was flushed. */
    public static void report(long end) {
        System.out.printf("{\"events\": %d, \"wall_s\": %.3f, \"cpu_s\": %.3f, \"rss_mb\": %d}%n",
            SEEN.get() - warmUp, (end - begun) / 1e9, cpu() - cpu, peakMb());
        System.out.flush();
    }
}
