;; Prints `line <n>` every so many milliseconds, which its argument names.
(data (i32.const 64) "line ")
(func (export "_start")
  (local $ms i32)
  (local $count i32)
  (drop (call $read_arguments))
  (local.set $ms (call $number (call $argument (i32.const 1))))
  (loop $next
    (call $print (i32.const 64) (i32.const 5))
    (call $print_number (local.get $count))
    (call $print_newline)
    (local.set $count (i32.add (local.get $count) (i32.const 1)))
    (call $sleep_ms (local.get $ms))
    (br $next)))
