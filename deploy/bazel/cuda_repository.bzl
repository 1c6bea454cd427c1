def _impl(ctx):
    ctx.file("BUILD","")
cuda_repository = repository_rule(implementation=_impl)
