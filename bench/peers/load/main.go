// A load of etcd's own kind: its Go client, a number of connections and of concurrent clients on each.
//
//	load -endpoints 127.0.0.1:2379 -connections 100 -clients 1000 -kind put -total 100000
//
// Kinds: put, range (linearizable), serializable, watch (one key, -clients watchers on -connections streams, events
// per second), watch-raw (the same, received by a reader that decodes nothing). Prints one line of key=value pairs: operations, seconds, rate, p50, p99, p999 and worst in
// microseconds, errors.
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

var (
	endpoints   = flag.String("endpoints", "127.0.0.1:2379", "comma-separated host:port")
	connections = flag.Int("connections", 1, "gRPC connections")
	clients     = flag.Int("clients", 1, "concurrent clients over all connections")
	kind        = flag.String("kind", "put", "put, range, serializable, watch or watch-raw")
	total       = flag.Int64("total", 10000, "operations; for watch: puts of the watched key")
	valueSize   = flag.Int("value", 256, "bytes of a value")
	keySpace    = flag.Int64("keys", 0, "distinct keys; 0: every key is new and random")
	seed        = flag.Int64("seed", 1, "of keys and values")
)

func main() {
	flag.Parse()
	pool := connect()
	switch *kind {
	case "watch":
		watch(pool)
	case "watch-raw":
		watchRaw(pool)
	default:
		operate(pool)
	}
}

func connect() []*clientv3.Client {
	pool := make([]*clientv3.Client, *connections)
	all := strings.Split(*endpoints, ",")
	for i := range pool {
		client, err := clientv3.New(clientv3.Config{
			Endpoints: []string{all[i%len(all)]}, DialTimeout: 5 * time.Second})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		pool[i] = client
	}
	return pool
}

func key(random *rand.Rand) string {
	number := random.Int63()
	if *keySpace > 0 {
		number %= *keySpace
	}
	var bytes [8]byte
	binary.BigEndian.PutUint64(bytes[:], uint64(number))
	return string(bytes[:])
}

func one(client *clientv3.Client, random *rand.Rand, value string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var err error
	switch *kind {
	case "put":
		_, err = client.Put(ctx, key(random), value)
	case "range":
		_, err = client.Get(ctx, key(random))
	case "serializable":
		_, err = client.Get(ctx, key(random), clientv3.WithSerializable())
	default:
		fmt.Fprintln(os.Stderr, "unknown -kind", *kind)
		os.Exit(2)
	}
	return err
}

func operate(pool []*clientv3.Client) {
	value := strings.Repeat("v", *valueSize)
	var left, failed atomic.Int64
	left.Store(*total)
	took := make([][]time.Duration, *clients)
	var group sync.WaitGroup
	began := time.Now()
	for worker := 0; worker < *clients; worker++ {
		group.Add(1)
		go func(worker int) {
			defer group.Done()
			random := rand.New(rand.NewSource(*seed + int64(worker)))
			for left.Add(-1) >= 0 {
				start := time.Now()
				if one(pool[worker%len(pool)], random, value) != nil {
					failed.Add(1)
				}
				took[worker] = append(took[worker], time.Since(start))
			}
		}(worker)
	}
	group.Wait()
	report(took, time.Since(began), failed.Load())
}

func report(took [][]time.Duration, elapsed time.Duration, failed int64) {
	var all []time.Duration
	for _, some := range took {
		all = append(all, some...)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(per float64) int64 { return all[int(per*float64(len(all)-1))].Microseconds() }
	fmt.Printf("operations=%d seconds=%.3f rate=%.0f p50=%d p99=%d p999=%d worst=%d errors=%d\n", len(all),
		elapsed.Seconds(), float64(len(all))/elapsed.Seconds(), at(0.5), at(0.99), at(0.999), at(1), failed)
}

// watch counts the events that all watchers of one key receive while it is put -total times.
func watch(pool []*clientv3.Client) {
	const watched = "watched"
	var events atomic.Int64
	var ready, done sync.WaitGroup
	want := *total
	for watcher := 0; watcher < *clients; watcher++ {
		ready.Add(1)
		done.Add(1)
		channel := pool[watcher%len(pool)].Watch(context.Background(), watched, clientv3.WithCreatedNotify())
		go func() {
			defer done.Done()
			seen := int64(0)
			for answer := range channel {
				if answer.Created {
					ready.Done()
				}
				seen += int64(len(answer.Events))
				events.Add(int64(len(answer.Events)))
				if seen >= want {
					return
				}
			}
		}()
	}
	ready.Wait()
	began := time.Now()
	for i := int64(0); i < want; i++ {
		if _, err := pool[0].Put(context.Background(), watched, fmt.Sprint(i)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	done.Wait()
	elapsed := time.Since(began)
	fmt.Printf("operations=%d seconds=%.3f rate=%.0f errors=0\n", events.Load(), elapsed.Seconds(),
		float64(events.Load())/elapsed.Seconds())
}
