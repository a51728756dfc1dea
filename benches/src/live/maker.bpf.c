// The load maker's program: every run of it turns the live frame into the next frame of a list
// and puts it into the socket of its queue, as if the interface had received it.
//
// It is run by BPF_PROG_RUN. It steers nothing: what steering costs falls on the core that
// receives from the NIC, and the load test measures the worker's.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define FRAME_BYTES 1514
#define FRAMES 1024
#define QUEUES 64

// The length first; the live frame is always FRAME_BYTES long when it comes in.
struct frame {
	__u32 len;
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
	if (len < 14 || len > FRAME_BYTES)
		return XDP_ABORTED;
	if (bpf_xdp_adjust_tail(ctx, (int)len - FRAME_BYTES))
		return XDP_ABORTED;
	if (bpf_xdp_store_bytes(ctx, 0, frame->bytes, len))
		return XDP_ABORTED;
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_ABORTED);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
