// The load maker's program: every run of it turns the live frame into the next frame of a list
// and puts it into the socket of its queue, as if the interface had received it.
//
// It is run by BPF_PROG_RUN. It steers nothing: what steering costs falls on the core that
// receives from the NIC, and the load test measures the worker's.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define FRAME_BYTES 1514
#define LIVE_BYTES 3400
#define FRAMES 1024
#define QUEUES 64

// The live frame is always LIVE_BYTES zeros long when it comes in. One that is longer than what
// the list has room for ends in zeros. Where `stamp` is not zero, the time is written there.
struct frame {
	__u32 len;
	__u32 stamp;
	__u8 bytes[FRAME_BYTES];
	__u8 unused[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FRAMES);
	__type(key, __u32);
	__type(value, struct frame);
} frames SEC(".maps");

// The number of the next frame. One processor runs the program at a time.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps");

// The sockets by queue.
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

SEC("xdp.frags")
int maker(struct xdp_md *ctx)
{
	__u32 zero = 0;
	__u32 *number = bpf_map_lookup_elem(&next, &zero);
	if (!number)
		return XDP_ABORTED;
	__u32 at = *number % FRAMES;
	*number += 1;
	struct frame *frame = bpf_map_lookup_elem(&frames, &at);
	if (!frame)
		return XDP_ABORTED;
	__u32 len = frame->len;
	if (len < 14 || len > LIVE_BYTES)
		return XDP_ABORTED;
	if (bpf_xdp_adjust_tail(ctx, (int)len - LIVE_BYTES))
		return XDP_ABORTED;
	__u32 stored = len < FRAME_BYTES ? len : FRAME_BYTES;
	if (bpf_xdp_store_bytes(ctx, 0, frame->bytes, stored))
		return XDP_ABORTED;
	if (frame->stamp) {
		__u64 now = bpf_ktime_get_ns();
		if (bpf_xdp_store_bytes(ctx, frame->stamp, &now, sizeof(now)))
			return XDP_ABORTED;
	}
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_ABORTED);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
