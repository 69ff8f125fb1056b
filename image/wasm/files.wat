;; `files read PATH` prints a file; `files write PATH TEXT` makes or replaces one. Ends with the errno of WASI where it
;; cannot: 76 ENOTCAPABLE where a directory may not be written or none that was opened for it holds the path, 44 ENOENT.
(data (i32.const 64) "wrote\n")

;; The text behind a slash, where it begins with one: engines differ in whether names of directories do, and wasi-libc
;; ignores it as well.
(func $relative (param $at i32) (result i32)
  (i32.add (local.get $at) (i32.eq (i32.load8_u (local.get $at)) (i32.const 47))))

;; The preopened directory that holds a path: the one with the longest name. Its descriptor is returned, and where the rest
;; of the path begins is left at 32. -1 for none.
(func $preopen (param $path i32) (result i32)
  (local $fd i32)
  (local $best i32)
  (local $best_length i32)
  (local $name i32)
  (local $length i32)
  (local.set $path (call $relative (local.get $path)))
  (local.set $best (i32.const -1))
  (local.set $best_length (i32.const -1))
  (local.set $fd (i32.const 3))
  (block $end
    (loop $next
      (br_if $end (call $fd_prestat_get (local.get $fd) (i32.const 16)))
      (local.set $length (i32.load (i32.const 20)))
      (drop (call $fd_prestat_dir_name (local.get $fd) (i32.const 16384) (local.get $length)))
      (i32.store8 (i32.add (i32.const 16384) (local.get $length)) (i32.const 0))
      (local.set $name (call $relative (i32.const 16384)))
      (local.set $length (call $length (local.get $name)))
      (if (i32.gt_s (local.get $length) (local.get $best_length))
        (then
          (if (call $holds (local.get $name) (local.get $length) (local.get $path))
            (then
              (local.set $best (local.get $fd))
              (local.set $best_length (local.get $length))))))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br $next)))
  (if (i32.ne (local.get $best) (i32.const -1))
    (then
      (i32.store (i32.const 32)
        (call $relative (i32.add (local.get $path) (local.get $best_length))))))
  (local.get $best))

;; True where a path begins with a name of this length, up to a slash.
(func $holds (param $name i32) (param $length i32) (param $path i32) (result i32)
  (local $index i32)
  (local $after i32)
  (if (i32.eqz (local.get $length)) (then (return (i32.const 1))))
  (loop $next
    (if (i32.ne
          (i32.load8_u (i32.add (local.get $path) (local.get $index)))
          (i32.load8_u (i32.add (local.get $name) (local.get $index))))
      (then (return (i32.const 0))))
    (local.set $index (i32.add (local.get $index) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $index) (local.get $length))))
  (local.set $after (i32.load8_u (i32.add (local.get $path) (local.get $length))))
  (i32.or (i32.eqz (local.get $after)) (i32.eq (local.get $after) (i32.const 47))))

;; Ends the program with an errno that is not 0.
(func $must (param $errno i32)
  (if (local.get $errno) (then (call $proc_exit (local.get $errno)))))

;; The file, opened; 9 are O_CREAT and O_TRUNC.
(func $open (param $path i32) (param $flags i32) (param $rights i64) (result i32)
  (local $fd i32)
  (local.set $fd (call $preopen (local.get $path)))
  (if (i32.eq (local.get $fd) (i32.const -1)) (then (call $proc_exit (i32.const 76))))
  (call $must
    (call $path_open
      (local.get $fd) (i32.const 1) (i32.load (i32.const 32)) (call $length (i32.load (i32.const 32)))
      (local.get $flags) (local.get $rights) (local.get $rights) (i32.const 0) (i32.const 36)))
  (i32.load (i32.const 36)))

(func $copy_out (param $fd i32)
  (loop $next
    (i32.store (i32.const 0) (i32.const 20480))
    (i32.store (i32.const 4) (i32.const 32768))
    (call $must (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 12)))
    (if (i32.eqz (i32.load (i32.const 12))) (then (return)))
    (call $print (i32.const 20480) (i32.load (i32.const 12)))
    (br $next)))

(func (export "_start")
  (local $count i32)
  (local $fd i32)
  (local $text i32)
  (local.set $count (call $read_arguments))
  (if (i32.lt_u (local.get $count) (i32.const 3)) (then (call $proc_exit (i32.const 28))))
  ;; `r`
  (if (i32.eq (i32.load8_u (call $argument (i32.const 1))) (i32.const 114))
    (then
      (call $copy_out (call $open (call $argument (i32.const 2)) (i32.const 0) (i64.const 2)))
      (return)))
  (local.set $fd (call $open (call $argument (i32.const 2)) (i32.const 9) (i64.const 64)))
  (local.set $text (call $argument (i32.const 3)))
  (call $must (call $write (local.get $fd) (local.get $text) (call $length (local.get $text))))
  (call $must (call $fd_close (local.get $fd)))
  (call $print (i32.const 64) (i32.const 6)))
