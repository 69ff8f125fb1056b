;; Computes for ever.
(data (i32.const 64) "computing\n")
(func (export "_start")
  (call $print (i32.const 64) (i32.const 10))
  (loop $for_ever (br $for_ever)))
