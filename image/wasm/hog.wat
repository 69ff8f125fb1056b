;; Takes memory, a MiB at a time, and writes to every page of it, until no more is given: then prints how much it has, and
;; ends with 7. An argument is how many MiB it wants at most; it ends well when it has them.
(data (i32.const 64) "MiB: ")

(func $touch (param $at i32) (param $end i32)
  (loop $next
    (i32.store (local.get $at) (local.get $at))
    (local.set $at (i32.add (local.get $at) (i32.const 4096)))
    (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))

(func $report (param $mib i32)
  (call $print (i32.const 64) (i32.const 5))
  (call $print_number (local.get $mib))
  (call $print_newline))

(func (export "_start")
  (local $mib i32)
  (local $wanted i32)
  (local $old i32)
  (local.set $wanted (i32.const 4000))
  (if (i32.gt_u (call $read_arguments) (i32.const 1))
    (then (local.set $wanted (call $number (call $argument (i32.const 1))))))
  (block $refused
    (loop $next
      (local.set $old (memory.grow (i32.const 16)))
      (br_if $refused (i32.eq (local.get $old) (i32.const -1)))
      (local.set $old (i32.shl (local.get $old) (i32.const 16)))
      (call $touch (local.get $old) (i32.add (local.get $old) (i32.const 0x100000)))
      (local.set $mib (i32.add (local.get $mib) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $mib) (local.get $wanted))))
    (call $report (local.get $mib))
    (return))
  (call $report (local.get $mib))
  (call $proc_exit (i32.const 7)))
