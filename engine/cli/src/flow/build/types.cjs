// Checks a flow's types as `tsc --noEmit -p .` does, in the same form, and that every promise is awaited: a conversation is over when `run`
// returns, and nobody waits for what is to happen afterwards. Exits with 2 where something is wrong. Arguments: the package typescript, and the
// flow's folder.
const [path, own] = process.argv.slice(1);
const ts = require(path);

const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => report([diagnostic]) };
const config = ts.getParsedCommandLineOfConfigFile("tsconfig.json", { noEmit: true }, host);
if (config === undefined) process.exit(2);
const program = ts.createProgram({ rootNames: config.fileNames, options: config.options, configFileParsingDiagnostics: config.errors });
report(ts.getPreEmitDiagnostics(program));

const checker = program.getTypeChecker();
const alone = [];
for (const file of program.getSourceFiles()) {
  const name = ts.sys.resolvePath(file.fileName);
  if (!name.startsWith(`${own}/`) || name.includes("/node_modules/") || name.startsWith(`${own}/.`) || file.isDeclarationFile) continue;
  visit(file, file, name.slice(own.length + 1));
}
for (const line of alone) console.log(line);
if (alone.length > 0) process.exit(2);

function visit(node, file, name) {
  if (ts.isExpressionStatement(node) && !ts.isVoidExpression(node.expression) && isPromise(node.expression)) {
    const { line, character } = file.getLineAndCharacterOfPosition(node.getStart(file));
    alone.push(
      `${name}(${line + 1},${character + 1}): error: nobody waits for this promise: the call may be over before it is done, and an exception in it is lost\n` +
        "    hint: call a function that is not async; questions and actions wait for their answers by themselves",
    );
  }
  ts.forEachChild(node, (child) => visit(child, file, name));
}

function isPromise(expression) {
  const type = checker.getTypeAtLocation(expression);
  const parts = type.isUnion() ? type.types : [type];
  return parts.some((part) => (part.flags & ts.TypeFlags.Any) === 0 && part.getProperty("then") !== undefined);
}

function report(diagnostics) {
  const text = ts.formatDiagnostics(diagnostics, { getCanonicalFileName: (name) => name, getCurrentDirectory: ts.sys.getCurrentDirectory, getNewLine: () => "\n" });
  process.stdout.write(text);
  if (diagnostics.some((diagnostic) => diagnostic.category === ts.DiagnosticCategory.Error)) process.exit(2);
}
