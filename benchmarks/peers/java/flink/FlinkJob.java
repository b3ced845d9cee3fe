package peers;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * brokers topic schema milestones warm-up output-topic checkpoint-folder checkpoint-ms parallelism
 *
 * State on the heap, in checkpoints at least once; each change to the output topic; objects reused.
 */
public final class FlinkJob {
    private static final AtomicLong FLUSHED = new AtomicLong();

    private FlinkJob() { }

    /** Framed Avro to scans. */
    public static final class Reading implements KafkaRecordDeserializationSchema<Scan> {
        private final String schema;
        private final String milestones;
        private transient Scan.Decoder decoder;

        Reading(String schema, String milestones) {
            this.schema = schema;
            this.milestones = milestones;
        }

        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Scan> out) {
            if (decoder == null) {
                decoder = new Scan.Decoder(schema, milestones);
            }
            Meter.count();
            out.collect(decoder.read(new String(record.key(), StandardCharsets.UTF_8), record.value()));
        }

        @Override
        public TypeInformation<Scan> getProducedType() {
            return TypeInformation.of(Scan.class);
        }
    }

    /** A parcel and its new state. */
    public static final class Change {
        public String parcel;
        public byte[] state;

        public Change() { }

        Change(String parcel, byte[] state) {
            this.parcel = parcel;
            this.state = state;
        }
    }

    /** A scan joins its parcel's state. */
    public static final class Joining extends KeyedProcessFunction<String, Scan, Change> {
        private transient ValueState<Life> lives;

        @Override
        public void open(OpenContext context) {
            lives = getRuntimeContext().getState(new ValueStateDescriptor<>("life", Life.class));
        }

        @Override
        public void processElement(Scan scan, Context context, Collector<Change> out) throws Exception {
            Life life = lives.value();
            if (life == null) {
                life = new Life();
            }
            if (life.add(scan)) {
                lives.update(life);
                out.collect(new Change(scan.parcel, life.bytes()));
            }
        }
    }

    /** Changes to records. */
    public static final class Writing implements KafkaRecordSerializationSchema<Change> {
        private final String topic;

        Writing(String topic) {
            this.topic = topic;
        }

        @Override
        public ProducerRecord<byte[], byte[]> serialize(Change change, KafkaSinkContext context, Long at) {
            return new ProducerRecord<>(topic, change.parcel.getBytes(StandardCharsets.UTF_8), change.state);
        }
    }

    /** Kafka's sink, noting when the last of the input was flushed: the job itself ends a checkpoint later. */
    public record Watched(KafkaSink<Change> inner) implements Sink<Change> {
        @Override
        public SinkWriter<Change> createWriter(WriterInitContext context) throws IOException {
            SinkWriter<Change> writer = inner.createWriter(context);
            return new SinkWriter<>() {
                @Override
                public void write(Change change, Context about) throws IOException, InterruptedException {
                    writer.write(change, about);
                }

                @Override
                public void flush(boolean endOfInput) throws IOException, InterruptedException {
                    writer.flush(endOfInput);
                    if (endOfInput) {
                        FLUSHED.accumulateAndGet(System.nanoTime(), Math::max);
                        if (LEFT.decrementAndGet() == 0) {
                            Meter.report(FLUSHED.get());
                        }
                    }
                }

                @Override
                public void close() throws Exception {
                    writer.close();
                }
            };
        }
    }

    private static final AtomicLong LEFT = new AtomicLong();

    public static void main(String[] told) throws Exception {
        Meter.warmUp(Long.parseLong(told[4]));
        int parallelism = Integer.parseInt(told[8]);
        LEFT.set(parallelism);
        Configuration settings = new Configuration();
        settings.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.ofMebiBytes(64));
        settings.setString("execution.checkpointing.dir", "file://" + told[6]);
        settings.setString("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
        StreamExecutionEnvironment flow = StreamExecutionEnvironment.createLocalEnvironment(parallelism, settings);
        flow.enableCheckpointing(Long.parseLong(told[7]), CheckpointingMode.AT_LEAST_ONCE);
        flow.getConfig().enableObjectReuse();
        KafkaSource<Scan> scans = KafkaSource.<Scan>builder().setBootstrapServers(told[0]).setTopics(told[1])
            .setGroupId("peers-flink").setStartingOffsets(OffsetsInitializer.earliest())
            .setBounded(OffsetsInitializer.latest()).setProperty("max.poll.records", "10000")
            .setDeserializer(new Reading(told[2], told[3])).build();
        KafkaSink<Change> changes = KafkaSink.<Change>builder().setBootstrapServers(told[0])
            .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE).setRecordSerializer(new Writing(told[5])).build();
        flow.fromSource(scans, WatermarkStrategy.noWatermarks(), "scans").keyBy(scan -> scan.parcel)
            .process(new Joining()).sinkTo(new Watched(changes));
        flow.execute("lives");
    }
}
