package peers;

import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** brokers topic schema milestones events warm-up app-id state-folder memory|rocksdb threads [setting=value ...] */
public final class StreamsJob {
    private static final int SETTINGS_FROM = 10;

    private StreamsJob() { }

    public static void main(String[] told) throws Exception {
        long events = Long.parseLong(told[4]);
        Meter.warmUp(Long.parseLong(told[5]));
        Properties settings = new Properties();
        settings.put("bootstrap.servers", told[0]);
        settings.put("application.id", told[6]);
        settings.put("state.dir", told[7]);
        settings.put("num.stream.threads", told[9]);
        settings.put("auto.offset.reset", "earliest");
        for (int at = SETTINGS_FROM; at < told.length; at++) {
            String[] pair = told[at].split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        CountDownLatch done = new CountDownLatch(1);
        ThreadLocal<Scan.Decoder> decoder = ThreadLocal.withInitial(() -> new Scan.Decoder(told[2], told[3]));
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(told[1], Consumed.with(Serdes.String(), Serdes.ByteArray())).groupByKey()
            .aggregate(Life::new, (parcel, value, life) -> {
                long seen = Meter.count();
                life.add(decoder.get().read(parcel, value));
                if (seen == events) {
                    done.countDown();
                }
                return life;
            }, kept(told[8]));
        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        streams.setUncaughtExceptionHandler(fault -> {
            fault.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
        });
        streams.start();
        done.await();
        streams.close(Duration.ofMinutes(2));
        Meter.report(System.nanoTime());
    }

    private static Materialized<String, Life, KeyValueStore<Bytes, byte[]>> kept(String where) {
        Serde<Life> life = Serdes.serdeFrom(
            (topic, state) -> state == null ? null : state.bytes(), (topic, value) -> value == null ? null : Life.of(value));
        Materialized<String, Life, KeyValueStore<Bytes, byte[]>> found = where.equals("memory")
            ? Materialized.as(Stores.inMemoryKeyValueStore("lives")) : Materialized.as("lives");
        return found.withKeySerde(Serdes.String()).withValueSerde(life);
    }
}
