// SPDX-License-Identifier: Apache-2.0
// The MAC swap in the form that testpmd's bpf-load takes: a plain function of the frame's address, in section .text, of
// instruction set v2. Any result but 0 keeps the frame. librte_bpf knows no bounds: a frame is taken to be long enough.
typedef unsigned char u8;
typedef unsigned long long u64;

u64 macswap(u8 *frame) {
  u8 mac[6];
  __builtin_memcpy(mac, frame, 6);
  __builtin_memcpy(frame, frame + 6, 6);
  __builtin_memcpy(frame + 6, mac, 6);
  return 1;
}
