;; Prints its arguments and its environment, a line each.
(data (i32.const 64) "arg env ")

(func $print_texts (param $label i32) (param $count i32)
  (local $at i32)
  (if (i32.eqz (local.get $count)) (then (return)))
  (local.set $at (i32.const 1024))
  (loop $next
    (call $print (local.get $label) (i32.const 4))
    (call $print (i32.load (local.get $at)) (call $length (i32.load (local.get $at))))
    (call $print_newline)
    (local.set $at (i32.add (local.get $at) (i32.const 4)))
    (local.set $count (i32.sub (local.get $count) (i32.const 1)))
    (br_if $next (local.get $count))))

(func (export "_start")
  (call $print_texts (i32.const 64) (call $read_arguments))
  (drop (call $environ_sizes_get (i32.const 16) (i32.const 20)))
  (drop (call $environ_get (i32.const 1024) (i32.const 4096)))
  (call $print_texts (i32.const 68) (i32.load (i32.const 16))))
