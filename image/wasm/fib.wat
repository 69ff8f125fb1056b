;; Computes a Fibonacci number the slow way, which its argument names, and prints it: something for a compiler.
(func $fib (param $n i32) (result i32)
  (if (i32.lt_u (local.get $n) (i32.const 2)) (then (return (local.get $n))))
  (i32.add
    (call $fib (i32.sub (local.get $n) (i32.const 1)))
    (call $fib (i32.sub (local.get $n) (i32.const 2)))))

(func (export "_start")
  (drop (call $read_arguments))
  (call $print_number (call $fib (call $number (call $argument (i32.const 1)))))
  (call $print_newline))
