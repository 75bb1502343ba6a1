"""Looks for names, arguments and answers in a flow's modules that its generated module does not have, as a compiler would. It runs none of them.

Only what is certain is reported: a name that a module binds anew is left alone, and so are arguments that are not written out. The
result is one line of JSON. Arguments: the generated module, then the folder of the modules."""

import ast
import difflib
import json
import pathlib
import sys

generated, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
problems = []


def functions(body):
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


tree = ast.parse(generated.read_text(encoding="utf-8"))
groups = {node.name: functions(node.body) for node in tree.body if isinstance(node, ast.ClassDef) and node.name in ("prompts", "questions", "settings")}
answers = {
    node.name: {item.value.value for item in node.body if isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant)}
    for node in tree.body
    if isinstance(node, ast.ClassDef) and any(isinstance(base, ast.Name) and base.id == "StrEnum" for base in node.bases)
}
names = {node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
fields = {
    item.target.id
    for node in tree.body
    if isinstance(node, ast.ClassDef) and node.name == "Customer"
    for item in node.body
    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
}


def meant(name, known):
    near = difflib.get_close_matches(name, sorted(known), 1, 0.7)
    return f"; did you mean `{near[0]}`?" if near else f": there are {', '.join(sorted(known)) or 'none'}"


def bound(module):
    """How often each name is bound in a module, wherever that is."""
    count = {}
    for node in ast.walk(module):
        found = []
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found = [node.id]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found = [node.name]
        elif isinstance(node, ast.arg):
            found = [node.arg]
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found = [(alias.asname or alias.name).split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found = [node.name]
        elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            found = [node.name]
        elif isinstance(node, ast.MatchMapping) and node.rest:
            found = [node.rest]
        for name in found:
            count[name] = count.get(name, 0) + 1
    return count


def constant(node):
    """The type of a value that is written out, or None."""
    if isinstance(node, ast.JoinedStr):
        return "str"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return type(node.value).__name__ if isinstance(node, ast.Constant) else None


def takes(annotation, given):
    """Whether a parameter takes a value that is written out; of a type that is not known, yes."""
    kinds = {part.strip() for part in annotation.split("|")}
    given = "None" if given == "NoneType" else given
    if given in kinds or (given == "int" and "float" in kinds):
        return True
    # an object is never written out
    return not kinds <= {"str", "int", "float", "bool", "None", "datetime.date", "datetime.time", "_flow.Money"}


class Module(ast.NodeVisitor):
    def __init__(self, file, module):
        self.file, self.aliases, self.customers = file, {}, set()
        once = bound(module)
        for node in ast.walk(module):
            if isinstance(node, ast.ImportFrom) and node.module == "generated" and node.level == 0:
                for alias in node.names:
                    if alias.name != "*" and alias.name not in names:
                        self.say(node, f"generated has no `{alias.name}`{meant(alias.name, names)}")
                    if once.get(alias.asname or alias.name) == 1:
                        self.aliases[alias.asname or alias.name] = alias.name
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name == "generated" and once.get(alias.asname or alias.name) == 1:
                        self.aliases[alias.asname or alias.name] = ""

        for node in ast.walk(module):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and self.group(node.value.func) == "customer":
                self.customers |= {target.id for target in node.targets if isinstance(target, ast.Name) and once.get(target.id) == 1}

    def say(self, node, message):
        problems.append({"file": self.file, "line": node.lineno, "column": node.col_offset + 1, "message": message})

    def group(self, node):
        """The name of the class in the generated module that an expression is."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id)
        if isinstance(node, ast.Attribute) and self.group(node.value) == "":
            return node.attr
        return None

    def function(self, node):
        """The generated function that an expression is, with its name."""
        if isinstance(node, ast.Attribute) and self.group(node.value) in groups:
            group = self.group(node.value)
            return groups[group].get(node.attr), f"{group}.{node.attr}"
        return None, ""

    def visit_Attribute(self, node):
        group = self.group(node.value)
        if group in groups and node.attr not in groups[group] and not node.attr.startswith("__"):
            self.say(node, f"there is no `{group}.{node.attr}`{meant(node.attr, groups[group])}")
        elif isinstance(node.value, ast.Name) and node.value.id in self.customers and node.attr not in fields and not node.attr.startswith("__"):
            self.say(node, f"`[customer]` of flow.toml has no `{node.attr}`{meant(node.attr, fields)}")
        elif group == "" and node.attr not in names and not node.attr.startswith("__"):
            self.say(node, f"generated has no `{node.attr}`{meant(node.attr, names)}")
        self.generic_visit(node)

    def visit_Call(self, node):
        function, name = self.function(node.func)
        if function is not None:
            self.arguments(node, function, name)
        self.generic_visit(node)

    def arguments(self, node, function, name):
        if any(keyword.arg is None for keyword in node.keywords) or any(isinstance(argument, ast.Starred) for argument in node.args):
            return
        wanted = {argument.arg: argument.annotation for argument in function.args.kwonlyargs}
        needed = [argument.arg for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults) if default is None]
        if node.args and not function.args.args:
            form = f"{name}({', '.join(f'{wanted}=…' for wanted in wanted)})"
            self.say(node, f"`{name}` takes its arguments by name: write `{form}`" if wanted else f"`{name}` takes no arguments")
            return
        for keyword in node.keywords:
            if keyword.arg not in wanted:
                self.say(keyword, f"`{name}` has no argument `{keyword.arg}`{meant(keyword.arg, wanted)}")
                continue
            given, annotation = constant(keyword.value), wanted[keyword.arg]
            if given is not None and annotation is not None and not takes(ast.unparse(annotation), given):
                wants = ast.unparse(annotation).replace("_flow.", "ghanti_flow.")
                self.say(keyword, f"`{keyword.arg}` of `{name}` takes {wants}, and not {'None' if given == 'NoneType' else given}")
        missing = [needed for needed in needed if needed not in {keyword.arg for keyword in node.keywords}]
        known = all(keyword.arg in wanted for keyword in node.keywords)
        if missing and known:
            self.say(node, f"`{name}` needs {' and '.join(f'`{name}`' for name in missing)}")

    def visit_Match(self, node):
        function, name = self.function(node.subject.func) if isinstance(node.subject, ast.Call) else (None, "")
        returns = ast.unparse(function.returns) if function is not None and function.returns is not None else ""
        if returns in answers:
            for value in (value for case in node.cases for value in values(case.pattern)):
                if value.value not in answers[returns]:
                    self.say(value, f"`{name}` never answers `{value.value}`{meant(str(value.value), answers[returns])}")
        self.generic_visit(node)


def values(pattern):
    """The texts that a case compares with."""
    if isinstance(pattern, ast.MatchValue) and isinstance(pattern.value, ast.Constant) and isinstance(pattern.value.value, str):
        yield pattern.value
    elif isinstance(pattern, ast.MatchOr):
        for part in pattern.patterns:
            yield from values(part)
    elif isinstance(pattern, ast.MatchAs) and pattern.pattern is not None:
        yield from values(pattern.pattern)


def conversation(module):
    """What keeps flow.py from having a conversation, if anything does."""
    for node in module.body:
        if isinstance(node, ast.AsyncFunctionDef) and node.name == "run":
            problems.append({"file": "flow.py", "line": node.lineno, "column": 1, "message": "`run` is async, and nobody waits for it: write `def run() -> None:`; questions and actions wait for their answers by themselves"})
        if isinstance(node, ast.FunctionDef) and node.name == "run":
            given = node.args.posonlyargs + node.args.args
            if len(given) > len(node.args.defaults) or None in [default for default in node.args.kw_defaults]:
                problems.append({"file": "flow.py", "line": node.lineno, "column": 1, "message": "`run` is called without arguments: write `def run() -> None:`"})
    if "run" not in bound(module) and not any(isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names) for node in module.body):
        problems.append({"file": "flow.py", "line": None, "column": None, "message": "there is no `run`: write `def run() -> None:`, which is the conversation"})


for path in sorted(folder.rglob("*.py")):
    try:
        module = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError, RecursionError):
        # Python itself says so when the flow is built, and may be another version
        continue
    file = path.relative_to(folder).as_posix()
    if file == "flow.py":
        conversation(module)
    Module(file, module).visit(module)
print(json.dumps(problems))
