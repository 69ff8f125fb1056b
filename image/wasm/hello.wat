;; Greets and ends.
(data (i32.const 64) "hello from Wasm\n")
(func (export "_start") (call $print (i32.const 64) (i32.const 16)))
