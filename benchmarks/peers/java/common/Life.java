package peers;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A parcel's state: the first time and facility of each milestone, the latest scan, the distinct ids. */
public final class Life {
    private static final int MILESTONES = 8;
    private static final int MOST_BYTES = 1 << 20;
    private static final long FNV_BEGIN = 0xcbf29ce484222325L;
    private static final long FNV_STEP = 0x100000001b3L;
    private static final ThreadLocal<ByteBuffer> ROOM = ThreadLocal.withInitial(() -> ByteBuffer.allocate(MOST_BYTES));
    public int mask;
    public long[] first = new long[MILESTONES];
    public String[] facility = new String[MILESTONES];
    public long latestAt = Long.MIN_VALUE;
    public int latest;
    public String latestFacility = "";
    public String latestRegion = "";
    public long[] ids = new long[MILESTONES];
    public int known;

    public Life() {
        Arrays.fill(facility, "");
    }

    /** Join a scan; whether it changed the state. */
    public boolean add(Scan scan) {
        if (scan.milestone < 0) {
            return false;
        }
        boolean changed = isFirst(scan);
        if (changed) {
            mask |= 1 << scan.milestone;
            first[scan.milestone] = scan.at;
            facility[scan.milestone] = scan.facility;
        }
        if (isLatest(scan)) {
            latestAt = scan.at;
            latest = scan.milestone;
            latestFacility = scan.facility;
            latestRegion = scan.region;
            changed = true;
        }
        return learn(hash(scan.eventId)) | changed;
    }

    private boolean isFirst(Scan scan) {
        long now = first[scan.milestone];
        return (mask & 1 << scan.milestone) == 0 || scan.at < now
            || scan.at == now && scan.facility.compareTo(facility[scan.milestone]) < 0;
    }

    private boolean isLatest(Scan scan) {
        if (scan.at != latestAt) {
            return scan.at > latestAt;
        }
        if (scan.milestone != latest) {
            return scan.milestone > latest;
        }
        int by = scan.facility.compareTo(latestFacility);
        return by != 0 ? by > 0 : scan.region.compareTo(latestRegion) > 0;
    }

    private boolean learn(long id) {
        for (int at = 0; at < known; at++) {
            if (ids[at] == id) {
                return false;
            }
        }
        if (known == ids.length) {
            ids = Arrays.copyOf(ids, known * 2);
        }
        ids[known++] = id;
        return true;
    }

    private static long hash(String text) {
        long found = FNV_BEGIN;
        for (int at = 0; at < text.length(); at++) {
            found = (found ^ text.charAt(at)) * FNV_STEP;
        }
        return found;
    }

    /** The state as the changelog has it (benchmarks/peers/forms.py). */
    public byte[] bytes() {
        ByteBuffer into = ROOM.get().clear();
        into.putShort((short) known).put((byte) mask);
        for (int at = 0; at < MILESTONES; at++) {
            if ((mask & 1 << at) != 0) {
                put(into.putLong(first[at]), facility[at]);
            }
        }
        put(into.putLong(latestAt).put((byte) latest), latestFacility);
        put(into, latestRegion);
        for (int at = 0; at < known; at++) {
            into.putLong(ids[at]);
        }
        return Arrays.copyOf(into.array(), into.position());
    }

    /** Back from its bytes. */
    public static Life of(byte[] value) {
        ByteBuffer from = ByteBuffer.wrap(value);
        Life found = new Life();
        found.known = from.getShort() & 0xffff;
        found.mask = from.get() & 0xff;
        for (int at = 0; at < MILESTONES; at++) {
            if ((found.mask & 1 << at) != 0) {
                found.first[at] = from.getLong();
                found.facility[at] = text(from);
            }
        }
        found.latestAt = from.getLong();
        found.latest = from.get();
        found.latestFacility = text(from);
        found.latestRegion = text(from);
        found.ids = new long[Math.max(MILESTONES, found.known)];
        for (int at = 0; at < found.known; at++) {
            found.ids[at] = from.getLong();
        }
        return found;
    }

    private static void put(ByteBuffer into, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        into.put((byte) bytes.length).put(bytes);
    }

    private static String text(ByteBuffer from) {
        int size = from.get() & 0xff;
        String found = new String(from.array(), from.position(), size, StandardCharsets.ISO_8859_1);
        from.position(from.position() + size);
        return found;
    }
}
