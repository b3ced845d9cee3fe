package peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.HashMap;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.util.Utf8;

/** What the job uses of a scan; milestone -1: none of the eight. */
public final class Scan {
    public String parcel;
    public String eventId;
    public String facility;
    public String region;
    public int milestone;
    public long at;

    public Scan() { }

    /** Confluent framing and Avro, read into the needed fields only; record and decoder are reused. */
    public static final class Decoder {
        private static final int FRAME = 5;
        private static final Set<String> NEEDED =
            Set.of("event_id", "activity", "occurred_at", "facility_id", "tier", "region");
        private final GenericDatumReader<GenericRecord> reader;
        private final Map<Utf8, Map<Utf8, Integer>> milestones = new HashMap<>();
        private final int eventId;
        private final int activity;
        private final int at;
        private final int facility;
        private final int tier;
        private final int region;
        private BinaryDecoder bytes;
        private GenericRecord record;

        /** `milestones`: ACTIVITY@TIER, with commas. */
        public Decoder(String schema, String milestones) {
            Schema whole = parsed(schema);
            List<Schema.Field> fields = whole.getFields().stream().filter(field -> NEEDED.contains(field.name()))
                .map(field -> new Schema.Field(field, field.schema())).collect(Collectors.toList());
            Schema some = Schema.createRecord(whole.getName(), null, whole.getNamespace(), false, fields);
            reader = new GenericDatumReader<>(whole, some);
            eventId = some.getField("event_id").pos();
            activity = some.getField("activity").pos();
            at = some.getField("occurred_at").pos();
            facility = some.getField("facility_id").pos();
            tier = some.getField("tier").pos();
            region = some.getField("region").pos();
            for (String named : milestones.split(",")) {
                String[] parts = named.split("@");
                int number = this.milestones.values().stream().mapToInt(Map::size).sum();
                this.milestones.computeIfAbsent(new Utf8(parts[0]), none -> new HashMap<>())
                    .put(new Utf8(parts[1]), number);
            }
        }

        private static Schema parsed(String file) {
            try {
                return new Schema.Parser().parse(Files.readString(Path.of(file)));
            } catch (IOException fault) {
                throw new UncheckedIOException(fault);
            }
        }

        /** One scan; the key names the parcel. */
        public Scan read(String parcel, byte[] value) {
            if (value[0] != 0) {
                throw new IllegalArgumentException("no Confluent frame");
            }
            try {
                bytes = DecoderFactory.get().binaryDecoder(value, FRAME, value.length - FRAME, bytes);
                record = reader.read(record, bytes);
            } catch (IOException fault) {
                throw new UncheckedIOException(fault);
            }
            Scan scan = new Scan();
            scan.parcel = parcel;
            scan.eventId = record.get(eventId).toString();
            scan.milestone = milestones.getOrDefault(record.get(activity), Map.of()).getOrDefault(record.get(tier), -1);
            scan.at = (Long) record.get(at);
            scan.facility = text(record.get(facility));
            scan.region = text(record.get(region));
            return scan;
        }

        private static String text(Object value) {
            return value == null ? "" : value.toString();
        }
    }
}
