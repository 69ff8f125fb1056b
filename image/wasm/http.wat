;; Answers every request on port 8080 with a greeting, by WasmEdge's sockets.
(data (i32.const 64) "HTTP/1.0 200 OK\r\nContent-Length: 16\r\n\r\nhello from Wasm\n")
(data (i32.const 256) "listening\n")

(func $must (param $errno i32)
  (if (local.get $errno) (then (call $proc_exit (local.get $errno)))))

(func $answer (param $connection i32)
  (i32.store (i32.const 0) (i32.const 4096))
  (i32.store (i32.const 4) (i32.const 4096))
  ;; A request of ours fits one packet.
  (drop (call $sock_recv (local.get $connection) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 8) (i32.const 12)))
  (i32.store (i32.const 0) (i32.const 64))
  (i32.store (i32.const 4) (i32.const 55))
  (drop (call $sock_send (local.get $connection) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 8)))
  (drop (call $sock_shutdown (local.get $connection) (i32.const 2)))
  (drop (call $fd_close (local.get $connection))))

(func (export "_start")
  (local $listener i32)
  ;; IPv4, stream
  (call $must (call $sock_open (i32.const 1) (i32.const 2) (i32.const 16)))
  (local.set $listener (i32.load (i32.const 16)))
  ;; 0.0.0.0
  (i32.store (i32.const 20) (i32.const 32))
  (i32.store (i32.const 24) (i32.const 4))
  (i32.store (i32.const 32) (i32.const 0))
  (call $must (call $sock_bind (local.get $listener) (i32.const 20) (i32.const 8080)))
  (call $must (call $sock_listen (local.get $listener) (i32.const 16)))
  (call $print (i32.const 256) (i32.const 10))
  (loop $next
    (call $must (call $sock_accept (local.get $listener) (i32.const 16)))
    (call $answer (i32.load (i32.const 16)))
    (br $next)))
