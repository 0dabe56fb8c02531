// Qanhash v1, profile Main, on a GPU: a third implementation, and what a miner gains from the dataset.
//
//   nvcc -O3 -std=c++17 -arch=sm_90 qanhash.cu -o qanhash && ./qanhash [VECTORS...]
//
// For each number of parents it builds the 2 GiB dataset, hashes with it ("full") and from the 32 MiB cache alone
// ("light"), checks both against each other, against the host, and against the vectors of the files named
// (u32 parents, 32 B pre_pow, u64 first nonce, u32 count, then count x (32 B mix digest, 32 B pow)).
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>
#include <cuda_runtime.h>

typedef uint32_t u32;
typedef uint64_t u64;
#define OK(call) do { cudaError_t e_ = (call); if (e_ != cudaSuccess) { \
    printf("%s:%d %s\n", __FILE__, __LINE__, cudaGetErrorString(e_)); exit(1); } } while (0)
#define HD __host__ __device__ __forceinline__

constexpr u32 NC = 1u << 19, ND = 1u << 25, ACCESSES = 32, BLOCK = 128, CHAIN = 13;
enum { SEED, C0, C1, C2, D0, D1, S, F, TAGS };
static const char *const NAMES[TAGS] = {"seed", "c0", "c1", "c2", "d0", "d1", "s", "f"};
__constant__ u32 DEVICE_KEYS[TAGS][8];
static u32 HOST_KEYS[TAGS][8];
#ifdef __CUDA_ARCH__
#define KEYS DEVICE_KEYS
#else
#define KEYS HOST_KEYS
#endif
static const u32 IV[8] = {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};

HD u32 fnv(u32 a, u32 b) { return (a * 0x01000193u) ^ b; }
HD uint4 fnv(uint4 a, uint4 b) { return make_uint4(fnv(a.x, b.x), fnv(a.y, b.y), fnv(a.z, b.z), fnv(a.w, b.w)); }
HD u32 rotr(u32 x, int n) { return (x >> n) | (x << (32 - n)); }
HD void mix(u32 &a, u32 &b, u32 &c, u32 &d, u32 x, u32 y) {
    a += b + x; d = rotr(d ^ a, 16); c += d; b = rotr(b ^ c, 12);
    a += b + y; d = rotr(d ^ a, 8); c += d; b = rotr(b ^ c, 7);
}

// BLAKE3's compression function for the only block of a root chunk; `m` is used up, `out` gets 16 words.
HD void compress(const u32 *key, u32 *m, u32 len, u32 flags, u32 *out) {
    u32 v[16] = {key[0], key[1], key[2], key[3], key[4], key[5], key[6], key[7],
                 0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0, 0, len, flags};
#pragma unroll
    for (int r = 0; r < 7; r++) {
        mix(v[0], v[4], v[8], v[12], m[0], m[1]);
        mix(v[1], v[5], v[9], v[13], m[2], m[3]);
        mix(v[2], v[6], v[10], v[14], m[4], m[5]);
        mix(v[3], v[7], v[11], v[15], m[6], m[7]);
        mix(v[0], v[5], v[10], v[15], m[8], m[9]);
        mix(v[1], v[6], v[11], v[12], m[10], m[11]);
        mix(v[2], v[7], v[8], v[13], m[12], m[13]);
        mix(v[3], v[4], v[9], v[14], m[14], m[15]);
        constexpr int P[16] = {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8};
        u32 n[16];
#pragma unroll
        for (int k = 0; k < 16; k++) n[k] = m[P[k]];
#pragma unroll
        for (int k = 0; k < 16; k++) m[k] = n[k];
    }
#pragma unroll
    for (int k = 0; k < 8; k++) { out[k] = v[k] ^ v[k + 8]; out[k + 8] = v[k + 8] ^ key[k]; }
}
HD void h64(int tag, u32 *m, u32 len, u32 *out) { compress(KEYS[tag], m, len, 1 | 2 | 8 | 64, out); }

struct Work { u32 pre_pow[8]; u64 nonce; };
struct Result { u32 digest[8], pow[8]; };

HD void start(const Work &w, u64 nonce, u32 *s) {
    u32 m[16] = {w.pre_pow[0], w.pre_pow[1], w.pre_pow[2], w.pre_pow[3], w.pre_pow[4], w.pre_pow[5], w.pre_pow[6],
                 w.pre_pow[7], (u32)nonce, (u32)(nonce >> 32), 0, 0, 0, 0, 0, 0};
    h64(S, m, 40, s);
}
HD void finish(const u32 *s, const u32 *digest, u32 *pow) {
    u32 m[16], out[16];
    for (int k = 0; k < 8; k++) { m[k] = s[k]; m[k + 8] = digest[k]; }
    h64(F, m, 64, out);
    for (int k = 0; k < 8; k++) pow[k] = out[k];
}
// A result is kept where it is wanted; else only solutions count, so that nothing is optimised away.
HD void deliver(const Result &r, Result *all, u32 idx, u32 *found, bool ballot) {
    if (all) all[idx] = r;
#ifdef __CUDA_ARCH__
    if (ballot && r.pow[7] == 0) atomicAdd(found, 1);
#endif
}

// Eight lanes work on eight pages, each lane holding a quarter of one of the page's two items; Q pages at a time.
// `own` is the lane's page, left in its row of `rows`.
template <int PARENTS, int Q> __device__ void compute_pages(const uint4 *cache, uint4 (*rows)[9], u32 own, int lane) {
    u32 m[16], out[16];
    for (int h = 0; h < 2; h++) {
        u32 i = 2 * own + h;
        for (int w = 0; w < 4; w++) *(uint4 *)(m + 4 * w) = __ldg(cache + (i % NC) * 4 + w);
        m[0] ^= i;
        h64(D0, m, 64, out);
        for (int w = 0; w < 4; w++) rows[lane][4 * h + w] = *(uint4 *)(out + 4 * w);
    }
    __syncwarp();
#pragma unroll 1
    for (int t = 0; t < 8; t += Q) {
        uint4 x[Q];
        u32 i[Q];
#pragma unroll
        for (int q = 0; q < Q; q++) {
            x[q] = rows[t + q][lane];
            i[q] = 2 * __shfl_sync(~0u, own, t + q, 8) + (lane >> 2);
        }
#pragma unroll 1
        for (int j = 0; j < PARENTS; j += 4) {
            int from = (j % 16) / 4;
#define STEP(B, WORD) { uint4 y[Q]; \
            _Pragma("unroll") for (int q = 0; q < Q; q++) { \
                u32 p = fnv(i[q] ^ (j + B), __shfl_sync(~0u, x[q].WORD, from, 4)) % NC; \
                y[q] = __ldg(cache + p * 4 + (lane & 3)); } \
            _Pragma("unroll") for (int q = 0; q < Q; q++) x[q] = fnv(x[q], y[q]); }
            STEP(0, x) STEP(1, y) STEP(2, z) STEP(3, w)
        }
#pragma unroll
        for (int q = 0; q < Q; q++) rows[t + q][lane] = x[q];
    }
    __syncwarp();
    for (int h = 0; h < 2; h++) {
        for (int w = 0; w < 4; w++) *(uint4 *)(m + 4 * w) = rows[lane][4 * h + w];
        h64(D1, m, 64, out);
        for (int w = 0; w < 4; w++) rows[lane][4 * h + w] = *(uint4 *)(out + 4 * w);
    }
    __syncwarp();
}

template <int PARENTS> __global__ void __launch_bounds__(BLOCK) build(const uint4 *cache, uint4 *dataset) {
    __shared__ uint4 rows[BLOCK / 8][8][9];
    int lane = threadIdx.x % 8, group = threadIdx.x / 8;
    u32 page = blockIdx.x * BLOCK + threadIdx.x;
    compute_pages<PARENTS, 4>(cache, rows[group], page, lane);
    for (int t = 0; t < 8; t++) dataset[(size_t)(page - lane + t) * 8 + lane] = rows[group][t][lane];
}

template <int PARENTS, int Q>
__global__ void __launch_bounds__(BLOCK) light(const uint4 *cache, Work work, Result *all, u32 *found) {
    __shared__ uint4 rows[BLOCK / 8][8][9];
    __shared__ u32 mixes[32][BLOCK];
    int lane = threadIdx.x % 8, group = threadIdx.x / 8;
    u32 idx = blockIdx.x * BLOCK + threadIdx.x, s[16], first;
    start(work, work.nonce + idx, s);
    first = s[0];
    for (int k = 0; k < 16; k++) mixes[k][threadIdx.x] = mixes[k + 16][threadIdx.x] = s[k];
#pragma unroll 1
    for (u32 a = 0; a < ACCESSES; a++) {
        u32 page = fnv(a ^ first, mixes[a][threadIdx.x]) % (ND / 2);
        compute_pages<PARENTS, Q>(cache, rows[group], page, lane);
        for (int k = 0; k < 8; k++) {
            uint4 y = rows[group][lane][k];
            u32 four[4] = {y.x, y.y, y.z, y.w};
            for (int w = 0; w < 4; w++) {
                u32 &x = mixes[4 * k + w][threadIdx.x];
                x = fnv(x, four[w]);
            }
        }
    }
    start(work, work.nonce + idx, s);
    Result r;
    for (int k = 0; k < 8; k++) {
        r.digest[k] = mixes[4 * k][threadIdx.x];
        for (int w = 1; w < 4; w++) r.digest[k] = fnv(r.digest[k], mixes[4 * k + w][threadIdx.x]);
    }
    finish(s, r.digest, r.pow);
    deliver(r, all, idx, found, true);
}

// Eight lanes share a hash's mix; Q hashes of the eight at a time.
template <int Q> __global__ void __launch_bounds__(BLOCK) full(const uint4 *dataset, Work work, Result *all, u32 *found) {
    __shared__ uint4 starts[BLOCK / 8][8][5];
    __shared__ u32 digests[BLOCK / 8][8][9];
    int lane = threadIdx.x % 8, group = threadIdx.x / 8;
    u32 idx = blockIdx.x * BLOCK + threadIdx.x, s[16];
    start(work, work.nonce + idx, s);
    for (int w = 0; w < 4; w++) starts[group][lane][w] = *(uint4 *)(s + 4 * w);
    __syncwarp();
#pragma unroll 1
    for (int t = 0; t < 8; t += Q) {
        uint4 x[Q];
        u32 first[Q];
#pragma unroll
        for (int q = 0; q < Q; q++) { x[q] = starts[group][t + q][lane & 3]; first[q] = starts[group][t + q][0].x; }
#pragma unroll 1
        for (u32 a = 0; a < ACCESSES; a += 4) {
#define READ(B, WORD) { uint4 y[Q]; \
            _Pragma("unroll") for (int q = 0; q < Q; q++) { \
                u32 p = fnv((a + B) ^ first[q], __shfl_sync(~0u, x[q].WORD, a / 4, 8)) % (ND / 2); \
                y[q] = __ldg(dataset + (size_t)p * 8 + lane); } \
            _Pragma("unroll") for (int q = 0; q < Q; q++) x[q] = fnv(x[q], y[q]); }
            READ(0, x) READ(1, y) READ(2, z) READ(3, w)
        }
#pragma unroll
        for (int q = 0; q < Q; q++) digests[group][t + q][lane] = fnv(fnv(fnv(x[q].x, x[q].y), x[q].z), x[q].w);
    }
    __syncwarp();
    Result r;
    for (int k = 0; k < 8; k++) r.digest[k] = digests[group][lane][k];
    finish(s, r.digest, r.pow);
    deliver(r, all, idx, found, true);
}

// Ceilings: BYTES at a time from random places that depend on nothing that was read.
template <int LANES> __global__ void ceiling(const uint4 *memory, u32 mask, u32 rounds, u32 *out) {
    u32 at = (blockIdx.x * blockDim.x + threadIdx.x) / LANES * 2654435761u + 12345, lane = threadIdx.x % LANES;
    uint4 x = make_uint4(0, 0, 0, 0);
#pragma unroll 8
    for (u32 r = 0; r < rounds; r++) {
        at = at * 1664525u + 1013904223u;
        x = fnv(x, __ldg(memory + (size_t)((at >> 4) & mask) * LANES + lane));
    }
    if (x.x == 1 && x.y == 2 && x.z == 3 && x.w == 4) atomicAdd(out, 1);
}

static void host_item(const std::vector<u32> &c, u32 i, u32 parents, u32 *out) {
    u32 m[16], x[16];
    memcpy(m, &c[(size_t)(i % NC) * 16], 64);
    m[0] ^= i;
    h64(D0, m, 64, x);
    for (u32 j = 0; j < parents; j++) {
        u32 p = fnv(i ^ j, x[j % 16]) % NC;
        for (int k = 0; k < 16; k++) x[k] = fnv(x[k], c[(size_t)p * 16 + k]);
    }
    h64(D1, x, 64, out);
}
static std::vector<u32> host_cache() {
    u32 m[16] = {CHAIN}, out[16];
    h64(SEED, m, 4, out);                       // epoch 0
    memset(m, 0, 64); memcpy(m, out, 32);
    std::vector<u32> c((size_t)NC * 16);
    h64(C0, m, 32, out);
    for (u32 i = 0; i < NC; i++) { memcpy(&c[(size_t)i * 16], out, 64); memcpy(m, out, 64); h64(C1, m, 64, out); }
    for (int round = 0; round < 3; round++)
        for (u32 i = 0; i < NC; i++) {
            size_t v = c[(size_t)i * 16] % NC, before = (i + NC - 1) % NC;
            for (int k = 0; k < 16; k++) m[k] = c[before * 16 + k] ^ c[v * 16 + k];
            h64(C2, m, 64, &c[(size_t)i * 16]);
        }
    return c;
}

// Best and median seconds of a launch.
template <class L> static void timed(int runs, L launch, double *best, double *median) {
    cudaEvent_t a, b;
    OK(cudaEventCreate(&a)); OK(cudaEventCreate(&b));
    std::vector<float> ms(runs);
    for (int n = -1; n < runs; n++) {
        OK(cudaEventRecord(a)); launch(); OK(cudaEventRecord(b)); OK(cudaEventSynchronize(b)); OK(cudaGetLastError());
        if (n >= 0) OK(cudaEventElapsedTime(&ms[n], a, b));
    }
    std::sort(ms.begin(), ms.end());
    *best = ms[0] / 1e3; *median = ms[runs / 2] / 1e3;
}

static uint4 *cache, *dataset;
static Result *results;
static u32 *found;

template <int PARENTS, int Q> static double light_rate(const Work &work, u32 hashes) {
    double best, median;
    timed(5, [&] { light<PARENTS, Q><<<hashes / BLOCK, BLOCK>>>(cache, work, nullptr, found); }, &best, &median);
    printf("  light, %d pages a group at once: %.3f MH/s (median; best %.3f), %.2f TB/s of cache\n", Q, hashes / median / 1e6,
           hashes / best / 1e6, hashes / median * 64.0 * PARENTS * 64 / 1e12);
    return hashes / median;
}
template <int Q> static double full_rate(const Work &work, u32 hashes) {
    double best, median;
    timed(9, [&] { full<Q><<<hashes / BLOCK, BLOCK>>>(dataset, work, nullptr, found); }, &best, &median);
    printf("  full, %d hashes a group at once: %.1f MH/s (median; best %.1f), %.2f TB/s of dataset\n", Q, hashes / median / 1e6,
           hashes / best / 1e6, hashes / median * 4096 / 1e12);
    return hashes / median;
}

template <int PARENTS> static void measure(const std::vector<u32> &host, int files, char **names) {
    printf("PARENTS %d\n", PARENTS);
    double best, median;
    OK(cudaMemset(dataset, 0xA5, (size_t)ND * 64));
    timed(3, [&] { build<PARENTS><<<ND / 2 / BLOCK, BLOCK>>>(cache, dataset); }, &best, &median);
    printf("  dataset built in %.3f s (median; best %.3f), %.2f TB/s of cache\n", median, best, (double)ND * PARENTS * 64 / median / 1e12);
    for (u32 n = 0; n < 2000; n++) {
        u32 i = n == 0 ? 0 : n == 1 ? ND - 1 : n * 2654435761u % ND, expected[16], got[16];
        host_item(host, i, PARENTS, expected);
        OK(cudaMemcpy(got, dataset + (size_t)i * 4, 64, cudaMemcpyDeviceToHost));
        if (memcmp(got, expected, 64)) { printf("  WRONG item %u\n", i); exit(1); }
    }
    Work work = {{7, 7, 7, 7, 7, 7, 7, 7}, 1};
    const u32 n = 1 << 16;
    std::vector<Result> a(n), b(n);
    OK(cudaMemset(results, 0xA5, n * sizeof(Result)));
    full<4><<<n / BLOCK, BLOCK>>>(dataset, work, results, found);
    OK(cudaMemcpy(a.data(), results, n * sizeof(Result), cudaMemcpyDeviceToHost));
    OK(cudaMemset(results, 0xA5, n * sizeof(Result)));
    light<PARENTS, 4><<<n / BLOCK, BLOCK>>>(cache, work, results, found);
    OK(cudaMemcpy(b.data(), results, n * sizeof(Result), cudaMemcpyDeviceToHost));
    if (memcmp(a.data(), b.data(), n * sizeof(Result))) { printf("  WRONG: full and light differ\n"); exit(1); }
    printf("  2,000 items equal the host's; %u hashes are the same by full and light\n", n);
    for (int f = 0; f < files; f++) {
        FILE *file = fopen(names[f], "rb");
        u32 parents = 0, count = 0;
        Work w;
        if (!file || fread(&parents, 4, 1, file) != 1 || fread(w.pre_pow, 32, 1, file) != 1 || fread(&w.nonce, 8, 1, file) != 1 ||
            fread(&count, 4, 1, file) != 1 || count > n) { printf("  unreadable: %s\n", names[f]); exit(1); }
        if (parents == PARENTS) {
            std::vector<Result> wanted(count);
            if (fread(wanted.data(), sizeof(Result), count, file) != count) exit(1);
            full<8><<<n / BLOCK, BLOCK>>>(dataset, w, results, found);
            OK(cudaMemcpy(a.data(), results, n * sizeof(Result), cudaMemcpyDeviceToHost));
            light<PARENTS, 8><<<n / BLOCK, BLOCK>>>(cache, w, results, found);
            OK(cudaMemcpy(b.data(), results, n * sizeof(Result), cudaMemcpyDeviceToHost));
            bool same = !memcmp(a.data(), wanted.data(), count * sizeof(Result)) && !memcmp(b.data(), wanted.data(), count * sizeof(Result));
            printf("  %u hashes of %s: %s\n", count, names[f], same ? "equal" : "WRONG");
            if (!same) exit(1);
        }
        fclose(file);
    }
    double f = std::max({full_rate<1>(work, 1 << 26), full_rate<2>(work, 1 << 26), full_rate<4>(work, 1 << 26), full_rate<8>(work, 1 << 26)});
    const u32 lights = 132 * 128 * 16 * 4;
    double l = std::max({light_rate<PARENTS, 1>(work, lights), light_rate<PARENTS, 2>(work, lights), light_rate<PARENTS, 4>(work, lights), light_rate<PARENTS, 8>(work, lights)});
    printf("  full / light = %.1f\n", f / l);
    fflush(stdout);
}

int main(int argc, char **argv) {
    for (int t = 0; t < TAGS; t++) {
        char context[64] = "umbel.qanhash.v1.";
        strcat(context, NAMES[t]);
        u32 m[16] = {0}, out[16];
        memcpy(m, context, strlen(context));
        compress(IV, m, (u32)strlen(context), 1 | 2 | 8 | 32, out);
        memcpy(HOST_KEYS[t], out, 32);
    }
    OK(cudaMemcpyToSymbol(DEVICE_KEYS, HOST_KEYS, sizeof HOST_KEYS));
    cudaDeviceProp p;
    OK(cudaGetDeviceProperties(&p, 0));
    printf("%s: %d multiprocessors, %.1f MB L2\n", p.name, p.multiProcessorCount, p.l2CacheSize / 1e6);
    auto begin = std::chrono::steady_clock::now();
    std::vector<u32> host = host_cache();
    printf("cache built by the host in %.2f s\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    OK(cudaMalloc(&cache, (size_t)NC * 64)); OK(cudaMalloc(&dataset, (size_t)ND * 64));
    OK(cudaMalloc(&results, sizeof(Result) << 16)); OK(cudaMalloc(&found, 4));
    OK(cudaMemcpy(cache, host.data(), (size_t)NC * 64, cudaMemcpyHostToDevice));
    OK(cudaMemset(dataset, 0x3C, (size_t)ND * 64));
    double best, median;
    const u32 rounds = 512, blocks = 132 * 8 * 4, threads = 256;
    double reads = (double)blocks * threads * rounds * 16;
    timed(9, [&] { ceiling<4><<<blocks, threads>>>(cache, NC - 1, rounds, found); }, &best, &median);
    printf("ceiling: random 64 B of the 32 MiB cache %.2f TB/s\n", reads / median / 1e12);
    timed(9, [&] { ceiling<8><<<blocks, threads>>>(dataset, ND / 2 - 1, rounds, found); }, &best, &median);
    printf("ceiling: random 128 B of the 2 GiB dataset %.2f TB/s\n", reads / median / 1e12);
    measure<128>(host, argc - 1, argv + 1);
    measure<256>(host, argc - 1, argv + 1);
    measure<512>(host, argc - 1, argv + 1);
}
