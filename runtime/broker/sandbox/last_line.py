# Runs the program named by the first argument as __main__, in a namespace of
# its own. If its last statement is an expression whose value is not None, the
# value is printed as the interactive interpreter does. Errors, exit codes and
# tracebacks are those of the program run by itself.
import sys


def main(path):
    import __future__
    import _ast as ast  # not ast, which takes longer to load than most programs run

    module = type(sys)("__main__")
    module.__file__ = path
    module.__builtins__ = __builtins__
    sys.modules["__main__"] = module
    sys.argv[:] = sys.argv[1:]
    sys.path[0] = path.rpartition("/")[0]
    namespace = module.__dict__

    try:
        with open(path, "rb") as source:
            tree = compile(source.read(), path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        first = compile(tree, path, "exec", 0, dont_inherit=True)
        futures = 0
        for name in __future__.all_feature_names:
            futures |= first.co_flags & getattr(__future__, name).compiler_flag
        if last is not None:
            last = compile(ast.Interactive([last]), path, "single", futures, dont_inherit=True)
    except Exception as error:
        sys.excepthook(type(error), error.with_traceback(None), None)
        return 1

    try:
        exec(first, namespace)
        if last is not None:
            exec(last, namespace)
    except SystemExit:
        raise
    except BaseException as error:
        return failed(error)
    return None


def failed(error):
    trace = error.__traceback__.tb_next  # the first frame is ours
    error = error.with_traceback(trace)
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
    sys.excepthook(type(error), error, trace)
    return 130 if isinstance(error, KeyboardInterrupt) else 1


sys.exit(main(sys.argv[1]))
