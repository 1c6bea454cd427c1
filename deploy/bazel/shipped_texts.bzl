"""`cc_shipped_texts`: files as string literals, so that a program knows them wherever it is installed."""

def cc_shipped_texts(name, srcs, hdr, type, function):
    """A library whose `function` gives a span of `type`, {name, text}, for the files in their order.

    Args:
      name: of the cc_library.
      srcs: files *.textproto; the name of each is that of the file without its ending.
      hdr: the header that declares `type` and `function`.
      type: a struct of two string views.
      function: takes nothing.
    """
    native.genrule(
        name = name + "_source",
        srcs = srcs,
        outs = [name + ".cc"],
        cmd = """
{
  echo '#include "%s/%s"'
  echo 'namespace downpour {'
  echo 'namespace {'
  echo 'constexpr %s kTexts[] = {'
  for file in $(SRCS); do
    printf '{"%%s", R"textproto(' "$$(basename "$$file" .textproto)"
    cat "$$file"
    echo ')textproto"},'
  done
  echo '};'
  echo '}  // namespace'
  echo 'std::span<const %s> %s() { return kTexts; }'
  echo '}  // namespace downpour'
} > $@
""" % (native.package_name(), hdr, type, type, function),
        visibility = ["//visibility:private"],
    )
    native.cc_library(
        name = name,
        srcs = [name + "_source"],
        hdrs = [hdr],
    )
