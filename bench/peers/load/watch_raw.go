package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// A reader of watch streams that costs next to nothing, so that the rate is the server's: it looks at frames and at the
// outermost fields of a WatchResponse, decodes nothing, and never waits for windows (they are as large as can be).

const (
	frameData         = 0
	frameHeaders      = 1
	frameSettings     = 4
	framePing         = 6
	frameGoAway       = 7
	frameWindowUpdate = 8
	flagAck           = 1
	flagEndHeaders    = 4
	largestWindow     = 1<<31 - 1
)

func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(head, stream), payload...)
}

// literal is a header field whose name stands at index of HPACK's static table, not indexed, not compressed.
func literal(index byte, value string) []byte {
	head := []byte{index}
	if index > 15 {
		head = []byte{15, index - 15}
	}
	return append(append(head, byte(len(value))), value...)
}

func watchHeaders(authority string) []byte {
	block := []byte{0x83, 0x86} // :method POST, :scheme http
	block = append(block, literal(4, "/etcdserverpb.Watch/Watch")...)
	block = append(block, literal(1, authority)...)
	block = append(block, literal(31, "application/grpc")...)
	return append(block, "\x00\x02te\x08trailers"...)
}

// createWatcher is a gRPC message with WatchRequest{create_request{key}}.
func createWatcher(key string) []byte {
	create := append([]byte{0x0A, byte(len(key))}, key...)
	request := append([]byte{0x0A, byte(len(create))}, create...)
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(request))), request...)
}

// countWatchResponse tells whether the response confirms a watcher, and how many events it holds.
func countWatchResponse(message []byte) (created bool, events int64) {
	for len(message) > 0 {
		tag, size := binary.Uvarint(message)
		message = message[size:]
		value, size := binary.Uvarint(message)
		message = message[size:]
		switch tag {
		case 3 << 3:
			created = value != 0
		case 11<<3 | 2:
			events++
		}
		if tag&7 == 2 {
			message = message[value:]
		}
	}
	return created, events
}

type rawWatch struct {
	conn            net.Conn
	created, events *atomic.Int64
	rest            []byte // of a gRPC message that is not whole yet
}

func openRawWatch(endpoint, key string, watchers int, created, events *atomic.Int64) (*rawWatch, error) {
	conn, err := net.Dial("tcp", endpoint)
	if err != nil {
		return nil, err
	}
	settings := binary.BigEndian.AppendUint32([]byte{0, 4}, largestWindow) // SETTINGS_INITIAL_WINDOW_SIZE
	out := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	out = append(out, frame(frameSettings, 0, 0, settings)...)
	out = append(out, frame(frameWindowUpdate, 0, 0, binary.BigEndian.AppendUint32(nil, largestWindow-65535))...)
	out = append(out, frame(frameHeaders, flagEndHeaders, 1, watchHeaders(endpoint))...)
	for i := 0; i < watchers; i++ {
		out = append(out, frame(frameData, 0, 1, createWatcher(key))...)
	}
	_, err = conn.Write(out)
	return &rawWatch{conn: conn, created: created, events: events}, err
}

func (w *rawWatch) read() error {
	in := bufio.NewReaderSize(w.conn, 64<<10)
	var head [9]byte
	var payload []byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return err
		}
		size := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
		if cap(payload) < size {
			payload = make([]byte, size)
		}
		payload = payload[:size]
		if _, err := io.ReadFull(in, payload); err != nil {
			return err
		}
		switch kind, flags := head[3], head[4]; {
		case kind == frameData:
			w.take(payload)
		case kind == frameSettings && flags&flagAck == 0:
			w.conn.Write(frame(frameSettings, flagAck, 0, nil))
		case kind == framePing && flags&flagAck == 0:
			w.conn.Write(frame(framePing, flagAck, 0, payload))
		case kind == frameGoAway:
			return fmt.Errorf("the server ends the connection: %q", payload)
		}
	}
}

func (w *rawWatch) take(data []byte) {
	if len(w.rest) > 0 {
		w.rest = append(w.rest, data...)
		data = w.rest
	}
	var created, events int64
	for len(data) >= 5 {
		size := 5 + int(binary.BigEndian.Uint32(data[1:]))
		if len(data) < size {
			break
		}
		isCreated, count := countWatchResponse(data[5:size])
		if isCreated {
			created++
		}
		events += count
		data = data[size:]
	}
	w.rest = append(w.rest[:0], data...)
	w.created.Add(created)
	w.events.Add(events)
}

// watchRaw puts one key -total times and counts the events that -clients watchers on -connections streams receive.
func watchRaw(pool []*clientv3.Client) {
	const watched = "watched"
	var created, events atomic.Int64
	endpoint := strings.Split(*endpoints, ",")[0]
	var failed sync.Once
	for i := 0; i < *connections; i++ {
		stream, err := openRawWatch(endpoint, watched, *clients / *connections, &created, &events)
		exitOn(err)
		go func() {
			err := stream.read()
			failed.Do(func() { exitOn(err) })
		}()
	}
	watchers := int64(*clients / *connections * *connections)
	waitUntil(func() bool { return created.Load() == watchers })
	began := time.Now()
	for i := int64(0); i < *total; i++ {
		_, err := pool[0].Put(context.Background(), watched, fmt.Sprint(i))
		exitOn(err)
	}
	waitUntil(func() bool { return events.Load() >= watchers**total })
	elapsed := time.Since(began)
	fmt.Printf("operations=%d seconds=%.3f rate=%.0f errors=0\n", events.Load(), elapsed.Seconds(),
		float64(events.Load())/elapsed.Seconds())
}

func waitUntil(done func() bool) {
	for !done() {
		time.Sleep(time.Millisecond)
	}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
