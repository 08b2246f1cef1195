<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>AdviceView</name>
    <message>
        <source>Mend everything</source>
        <translation>まとめて修正</translation>
    </message>
    <message>
        <source>Source: {0}</source>
        <translation>出典: {0}</translation>
    </message>
    <message>
        <source>Error: this will fail</source>
        <translation>エラー: このままでは失敗します</translation>
    </message>
    <message>
        <source>Warning: this trains wrongly or wastes</source>
        <translation>警告: 正しく学習できないか、無駄が生じます</translation>
    </message>
    <message>
        <source>Hint</source>
        <translation>ヒント</translation>
    </message>
    <message>
        <source>not given</source>
        <translation>指定なし</translation>
    </message>
    <message>
        <source>Nothing in this job is known to fail, train wrongly or waste.</source>
        <translation>このジョブに、問題のある設定は見つかっていません。</translation>
    </message>
    <message>
        <source>Advice on this job</source>
        <translation>このジョブへのアドバイス</translation>
    </message>
    <message>
        <source>Mend all</source>
        <translation>まとめて修正</translation>
    </message>
    <message>
        <source>Applies the fixes of all errors and warnings; one undo takes them back.</source>
        <translation>エラーと警告の修正をすべて適用します。1 回の「元に戻す」で取り消せます。</translation>
    </message>
    <message>
        <source>Go to the setting</source>
        <translation>設定へ移動</translation>
    </message>
</context>
<context>
    <name>AllOptions</name>
    <message>
        <source>Reset {0}</source>
        <translation>{0} を既定値に戻す</translation>
    </message>
    <message>
        <source>All ({0})</source>
        <translation>すべて ({0})</translation>
    </message>
    <message>
        <source>Set ({0})</source>
        <translation>指定済み ({0})</translation>
    </message>
    <message>
        <source>Wrong or unknown ({0})</source>
        <translation>誤り・不明 ({0})</translation>
    </message>
    <message>
        <source>All options of {0}</source>
        <translation>{0} の全オプション</translation>
    </message>
    <message>
        <source>Read from your checkout of sd-scripts ({0}).</source>
        <translation>お使いの sd-scripts ({0}) から読み取ったものです。</translation>
    </message>
    <message>
        <source>As shipped with Caddie (sd-scripts {0}). With an environment that has a checkout, they are read from it.</source>
        <translation>Caddie に付属の一覧です (sd-scripts {0})。sd-scripts のある環境を選ぶと、そこから読み取ります。</translation>
    </message>
    <message>
        <source>Search by name or by what it does</source>
        <translation>名前や説明で検索</translation>
    </message>
    <message>
        <source>Search in all options</source>
        <translation>全オプションを検索</translation>
    </message>
    <message>
        <source>All options</source>
        <translation>全オプション</translation>
    </message>
    <message>
        <source>Back to the default</source>
        <translation>既定値に戻す</translation>
    </message>
</context>
<context>
    <name>AllOptionsModel</name>
    <message>
        <source>Option</source>
        <translation>オプション</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>値</translation>
    </message>
    <message>
        <source>Default</source>
        <translation>既定値</translation>
    </message>
    <message>
        <source>Type</source>
        <translation>型</translation>
    </message>
    <message>
        <source>What it does</source>
        <translation>説明</translation>
    </message>
    <message>
        <source>empty text</source>
        <translation>空の文字列</translation>
    </message>
    <message>
        <source>unknown</source>
        <translation>不明</translation>
    </message>
    <message>
        <source>choice</source>
        <translation>選択肢</translation>
    </message>
    <message>
        <source>The script has no such option. It is kept and passed on as it is.</source>
        <translation>このスクリプトにはないオプションです。そのまま保持し、スクリプトに渡します。</translation>
    </message>
</context>
<context>
    <name>Badges</name>
    <message>
        <source>Manual</source>
        <translation>手動型</translation>
    </message>
    <message>
        <source>Semi-automatic</source>
        <translation>半自動型</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>自動型</translation>
    </message>
    <message>
        <source>Manual learning rate</source>
        <translation>学習率: 手動型</translation>
    </message>
    <message>
        <source>Semi-automatic (d*lr)</source>
        <translation>学習率: 半自動型 (d*lr)</translation>
    </message>
    <message>
        <source>Automatic learning rate</source>
        <translation>学習率: 自動型</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>使用可能</translation>
    </message>
    <message>
        <source>Not installed</source>
        <translation>未インストール</translation>
    </message>
    <message>
        <source>Too old</source>
        <translation>古い</translation>
    </message>
    <message>
        <source>Broken</source>
        <translation>破損</translation>
    </message>
    <message>
        <source>Needs CUDA</source>
        <translation>要 CUDA</translation>
    </message>
    <message>
        <source>Not checked</source>
        <translation>未確認</translation>
    </message>
</context>
<context>
    <name>ChooseRacers</name>
    <message>
        <source>Optimizer</source>
        <translation>オプティマイザー</translation>
    </message>
    <message>
        <source>Learning rate</source>
        <translation>学習率</translation>
    </message>
    <message>
        <source>Scheduler</source>
        <translation>スケジューラ</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状態</translation>
    </message>
    <message>
        <source>Optimizers</source>
        <translation>オプティマイザー</translation>
    </message>
    <message>
        <source>Seeds</source>
        <translation>シード数</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>ステップ数</translation>
    </message>
    <message>
        <source>as the job says</source>
        <translation>ジョブのとおり</translation>
    </message>
    <message>
        <source>Hold a tenth of the images out, for a validation loss, where the job holds out none</source>
        <translation>検証用の指定がなければ、画像の 1 割を学習に使わず検証 loss を測る</translation>
    </message>
    <message>
        <source>Data, order, noise and seed are the same for all. With one seed a small lead says nothing; three tell the spread.</source>
        <translation>データ、順序、ノイズ、シードはすべて同じです。シードが 1 つでは小さな差に意味はなく、3 つあるとばらつきが分かります。</translation>
    </message>
    <message>
        <source>its own</source>
        <translation>自動</translation>
    </message>
</context>
<context>
    <name>ChooseSheet</name>
    <message>
        <source>New folder</source>
        <translation>新しいフォルダー</translation>
    </message>
    <message>
        <source>What</source>
        <translation>種類</translation>
    </message>
    <message>
        <source>How to get it</source>
        <translation>入手方法</translation>
    </message>
    <message>
        <source>Python</source>
        <translation>Python</translation>
    </message>
    <message>
        <source>PyTorch</source>
        <translation>PyTorch</translation>
    </message>
    <message>
        <source>More packages</source>
        <translation>追加パッケージ</translation>
    </message>
    <message>
        <source>{package}, for {optimizers}</source>
        <translation>{package} ({optimizers} 用)</translation>
    </message>
    <message>
        <source>Choose …</source>
        <translation>選択…</translation>
    </message>
    <message>
        <source>Other …</source>
        <translation>ほかの Python…</translation>
    </message>
    <message>
        <source>xformers too (saves memory on older GPUs)</source>
        <translation>xformers も入れる (古い GPU でメモリを節約)</translation>
    </message>
    <message>
        <source>Download it as a zip, without git</source>
        <translation>zip でダウンロード (git 不要)</translation>
    </message>
    <message>
        <source>git (not found on this computer)</source>
        <translation>git (この PC に見つかりません)</translation>
    </message>
    <message>
        <source>git, which can update it later</source>
        <translation>git (後から更新できます)</translation>
    </message>
    <message>
        <source>No GPU was found.</source>
        <translation>GPU が見つかりません。</translation>
    </message>
    <message>
        <source>{gpu}, driver {version}</source>
        <translation>{gpu}、ドライバー {version}</translation>
    </message>
</context>
<context>
    <name>Closing</name>
    <message>
        <source>Caddie closes as soon as the training has ended.</source>
        <translation>学習が終わりしだい Caddie を閉じます。</translation>
    </message>
    <message>
        <source>“{name}” is training in this window</source>
        <translation>「{name}」をこのウィンドウで学習中です</translation>
    </message>
    <message>
        <source>It ends with the window. What is saved now can be resumed later.</source>
        <translation>ウィンドウを閉じると学習も終わります。ここで保存すれば、後で再開できます。</translation>
    </message>
    <message>
        <source>Save and stop, then close</source>
        <translation>保存して停止し、閉じる</translation>
    </message>
    <message>
        <source>Keep training</source>
        <translation>学習を続ける</translation>
    </message>
</context>
<context>
    <name>CommandView</name>
    <message>
        <source>First mend the values that stand as {0} in the command.</source>
        <translation>先に、コマンドで {0} となっている値を直してください。</translation>
    </message>
    <message>
        <source>This format cannot hold the command.</source>
        <translation>この形式ではコマンドを表せません。</translation>
    </message>
    <message>
        <source>{0} problems keep this command from running</source>
        <translation>{0} 件の問題があるため、このコマンドは実行できません</translation>
    </message>
    <message>
        <source>Copied.</source>
        <translation>コピーしました。</translation>
    </message>
    <message>
        <source>Export as {0}</source>
        <translation>{0} として書き出す</translation>
    </message>
    <message>
        <source>Exported to {0}.</source>
        <translation>{0} に書き出しました。</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>コピー</translation>
    </message>
    <message>
        <source>Export …</source>
        <translation>書き出す…</translation>
    </message>
    <message>
        <source>The command of this job</source>
        <translation>このジョブのコマンド</translation>
    </message>
    <message>
        <source>Format of the command</source>
        <translation>コマンドの形式</translation>
    </message>
    <message>
        <source>No environment chosen</source>
        <translation>環境が未選択です</translation>
    </message>
    <message>
        <source>python and sd-scripts stand for your own interpreter and checkout. Click to choose an environment.</source>
        <translation>python と sd-scripts の部分は、お使いの Python と sd-scripts に置き換わります。クリックして環境を選びます。</translation>
    </message>
</context>
<context>
    <name>ComparePlot</name>
    <message>
        <source>{quantity}, difference</source>
        <translation>{quantity} の差</translation>
    </message>
    <message>
        <source>{quantity}, ratio</source>
        <translation>{quantity} の比</translation>
    </message>
</context>
<context>
    <name>CompareWords</name>
    <message>
        <source>Loss</source>
        <translation>loss</translation>
    </message>
    <message>
        <source>Validation loss</source>
        <translation>検証 loss</translation>
    </message>
    <message>
        <source>d*lr</source>
        <translation>d*lr</translation>
    </message>
    <message>
        <source>Effective step</source>
        <translation>実効ステップ</translation>
    </message>
    <message>
        <source>Effective learning rate</source>
        <translation>実効学習率</translation>
    </message>
    <message>
        <source>Learning rate</source>
        <translation>学習率</translation>
    </message>
    <message>
        <source>Gradient norm</source>
        <translation>勾配ノルム</translation>
    </message>
    <message>
        <source>Seconds per step</source>
        <translation>1 ステップの秒数</translation>
    </message>
    <message>
        <source>Memory (bytes)</source>
        <translation>メモリ (バイト)</translation>
    </message>
</context>
<context>
    <name>ControlButtons</name>
    <message>
        <source>Go on</source>
        <translation>続ける</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>一時停止</translation>
    </message>
    <message>
        <source>Go on with the training</source>
        <translation>学習を続けます</translation>
    </message>
    <message>
        <source>The companion is switched off in this job, so nobody in the script can hear it</source>
        <translation>このジョブではコンパニオンがオフのため、スクリプトに伝えられません</translation>
    </message>
    <message>
        <source>Possible once the first step is done</source>
        <translation>最初のステップが終わると使えます</translation>
    </message>
    <message>
        <source>This training cannot be asked for it</source>
        <translation>この学習では使えません</translation>
    </message>
    <message>
        <source>Hold the training after its present step; it keeps its memory</source>
        <translation>現在のステップの後で学習を一時停止します (メモリは確保したままです)</translation>
    </message>
    <message>
        <source>Save now</source>
        <translation>今すぐ保存</translation>
    </message>
    <message>
        <source>Save the LoRA and the training&apos;s state after the present step</source>
        <translation>現在のステップの後で LoRA と学習の状態を保存します</translation>
    </message>
    <message>
        <source>Sample now</source>
        <translation>今すぐサンプル</translation>
    </message>
    <message>
        <source>Draw the sample pictures after the present step</source>
        <translation>現在のステップの後でサンプル画像を生成します</translation>
    </message>
    <message>
        <source>The job names no file of prompts (sample_prompts)</source>
        <translation>ジョブにプロンプトのファイル (sample_prompts) が指定されていません</translation>
    </message>
</context>
<context>
    <name>CurvesView</name>
    <message>
        <source>seed {seed}</source>
        <translation>シード {seed}</translation>
    </message>
    <message>
        <source>Select runs above, and their curves are drawn here over each other.</source>
        <translation>上の一覧で実行を選択すると、曲線がここに重ねて表示されます。</translation>
    </message>
    <message>
        <source>Reading the curves …</source>
        <translation>曲線を読み取っています …</translation>
    </message>
    <message>
        <source>None of the selected runs has told this.</source>
        <translation>選択した実行に、この値の記録はありません。</translation>
    </message>
    <message>
        <source>{count} still to be read</source>
        <translation>読み取り待ち: {count} 件</translation>
    </message>
    <message>
        <source>only the first {count} are drawn</source>
        <translation>表示は先頭の {count} 件だけです</translation>
    </message>
    <message>
        <source>What is drawn</source>
        <translation>表示する値</translation>
    </message>
    <message>
        <source>by</source>
        <translation>横軸</translation>
    </message>
    <message>
        <source>Smoothing</source>
        <translation>平滑化</translation>
    </message>
    <message>
        <source>Baseline</source>
        <translation>基準</translation>
    </message>
    <message>
        <source>step</source>
        <translation>ステップ</translation>
    </message>
    <message>
        <source>seconds</source>
        <translation>秒</translation>
    </message>
    <message>
        <source>Against the baseline</source>
        <translation>基準との比べ方</translation>
    </message>
    <message>
        <source>Values</source>
        <translation>値</translation>
    </message>
    <message>
        <source>Difference</source>
        <translation>差</translation>
    </message>
    <message>
        <source>Ratio</source>
        <translation>比</translation>
    </message>
    <message>
        <source>off</source>
        <translation>なし</translation>
    </message>
    <message numerus="yes">
        <source>%n steps</source>
        <translation>
            <numerusform>%n ステップ</numerusform>
        </translation>
    </message>
    <message>
        <source>none</source>
        <translation>なし</translation>
    </message>
    <message>
        <source>Show all</source>
        <translation>全体を表示</translation>
    </message>
    <message>
        <source>Show the whole curves (F)</source>
        <translation>曲線全体を表示します (F)</translation>
    </message>
</context>
<context>
    <name>DatasetCount</name>
    <message>
        <source>{0} images …</source>
        <translation>{0} 枚 …</translation>
    </message>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>ほか %n 件</numerusform>
        </translation>
    </message>
    <message>
        <source>Images</source>
        <translation>画像</translation>
    </message>
    <message>
        <source>with repeats</source>
        <translation>繰り返しを含む</translation>
    </message>
    <message>
        <source>without a caption</source>
        <translation>キャプションなし</translation>
    </message>
    <message>
        <source>Steps an epoch</source>
        <translation>1 エポックのステップ数</translation>
    </message>
    <message>
        <source>Epochs</source>
        <translation>エポック数</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>ステップ数</translation>
    </message>
    <message>
        <source>Regularization images</source>
        <translation>正則化画像</translation>
    </message>
    <message>
        <source>What will be trained</source>
        <translation>学習内容</translation>
    </message>
    <message>
        <source>Sizes, with repeats</source>
        <translation>サイズ (繰り返しを含む)</translation>
    </message>
    <message>
        <source>Sizes that the images are brought to, with repeats</source>
        <translation>画像を合わせるサイズ (繰り返しを含む)</translation>
    </message>
    <message>
        <source>Counting the images</source>
        <translation>画像を数えています</translation>
    </message>
</context>
<context>
    <name>DatasetDialog</name>
    <message>
        <source>Use the dataset config</source>
        <translation>データセット設定ファイルを使用</translation>
    </message>
    <message>
        <source>New dataset config</source>
        <translation>新しいデータセット設定ファイル</translation>
    </message>
    <message>
        <source>Dataset config</source>
        <translation>データセット設定ファイル</translation>
    </message>
    <message>
        <source>Mend ({0})</source>
        <translation>修正 ({0})</translation>
    </message>
    <message>
        <source>Corrects names and values where it is plain what was meant</source>
        <translation>意図が明らかなキー名や値の誤りを修正します</translation>
    </message>
    <message>
        <source>Undo (Ctrl+Z)</source>
        <translation>元に戻す (Ctrl+Z)</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>やり直す</translation>
    </message>
    <message>
        <source>Open …</source>
        <translation>開く…</translation>
    </message>
    <message>
        <source>From the job&apos;s folders</source>
        <translation>ジョブのフォルダーから作成</translation>
    </message>
    <message>
        <source>Makes a dataset config of the folders that the job names, with their repeats</source>
        <translation>ジョブに指定されたフォルダーと繰り返し回数から、データセット設定ファイルを作成します</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Save as …</source>
        <translation>名前を付けて保存…</translation>
    </message>
    <message>
        <source>Save and use in the job</source>
        <translation>保存してジョブで使う</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>The file was changed by another program meanwhile.</source>
        <translation>ファイルがほかのプログラムで変更されました。</translation>
    </message>
    <message>
        <source>Read it anew</source>
        <translation>読み込み直す</translation>
    </message>
    <message>
        <source>Write over it</source>
        <translation>上書きする</translation>
    </message>
</context>
<context>
    <name>DatasetForm</name>
    <message>
        <source>Settings for all datasets</source>
        <translation>すべてのデータセットの設定</translation>
    </message>
    <message>
        <source>They hold wherever a dataset or a subset says nothing else.</source>
        <translation>データセットやサブセットで指定していない項目に使われます。</translation>
    </message>
    <message>
        <source>Dataset {0}</source>
        <translation>データセット {0}</translation>
    </message>
    <message>
        <source>Images of one resolution and batch size. Its subsets inherit what is set here.</source>
        <translation>同じ解像度とバッチサイズで学習する画像です。ここでの設定はサブセットに引き継がれます。</translation>
    </message>
    <message>
        <source>Subset {0}</source>
        <translation>サブセット {0}</translation>
    </message>
    <message>
        <source>One folder of images, and what is done to them and to their captions.</source>
        <translation>1 つの画像フォルダーと、その画像とキャプションの扱い方です。</translation>
    </message>
    <message>
        <source>Less</source>
        <translation>折りたたむ</translation>
    </message>
    <message>
        <source>More ({0})</source>
        <translation>さらに表示 ({0})</translation>
    </message>
</context>
<context>
    <name>DatasetQuestions</name>
    <message>
        <source>Dataset configs (*.toml *.json)</source>
        <translation>データセット設定ファイル (*.toml *.json)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>すべてのファイル (*)</translation>
    </message>
    <message>
        <source>Open a dataset config</source>
        <translation>データセット設定ファイルを開く</translation>
    </message>
    <message>
        <source>Save the dataset config as</source>
        <translation>データセット設定ファイルに名前を付けて保存</translation>
    </message>
    <message>
        <source>Save the changes to the dataset config?</source>
        <translation>データセット設定ファイルへの変更を保存しますか？</translation>
    </message>
    <message>
        <source>They are lost otherwise.</source>
        <translation>保存しない場合、変更は失われます。</translation>
    </message>
</context>
<context>
    <name>DatasetTree</name>
    <message>
        <source>For all datasets</source>
        <translation>すべてのデータセット</translation>
    </message>
    <message>
        <source>Dataset {0}</source>
        <translation>データセット {0}</translation>
    </message>
    <message>
        <source>no folder yet</source>
        <translation>フォルダー未指定</translation>
    </message>
    <message>
        <source>Datasets and subsets</source>
        <translation>データセットとサブセット</translation>
    </message>
    <message>
        <source>Add a folder (Ins); folders can be dropped here, too</source>
        <translation>フォルダーを追加 (Ins)。フォルダーをここにドロップすることもできます</translation>
    </message>
    <message>
        <source>Add a dataset (Ctrl+Ins)</source>
        <translation>データセットを追加 (Ctrl+Ins)</translation>
    </message>
    <message>
        <source>Duplicate (Ctrl+D)</source>
        <translation>複製 (Ctrl+D)</translation>
    </message>
    <message>
        <source>Move up (Alt+Up)</source>
        <translation>上へ移動 (Alt+↑)</translation>
    </message>
    <message>
        <source>Move down (Alt+Down)</source>
        <translation>下へ移動 (Alt+↓)</translation>
    </message>
    <message>
        <source>Remove (Del)</source>
        <translation>削除 (Del)</translation>
    </message>
</context>
<context>
    <name>Dialogs</name>
    <message>
        <source>Open job</source>
        <translation>ジョブを開く</translation>
    </message>
    <message>
        <source>Settings, scripts and LoRA files ({0})</source>
        <translation>設定ファイル・スクリプト・LoRA ({0})</translation>
    </message>
    <message>
        <source>Import</source>
        <translation>インポート</translation>
    </message>
    <message>
        <source>Logs (*.txt *.log)</source>
        <translation>ログ (*.txt *.log)</translation>
    </message>
    <message>
        <source>Explain a log</source>
        <translation>ログのエラーを調べる</translation>
    </message>
    <message>
        <source>Save job as</source>
        <translation>ジョブに名前を付けて保存</translation>
    </message>
    <message>
        <source>Save the changes to “{name}”?</source>
        <translation>「{name}」の変更を保存しますか?</translation>
    </message>
    <message>
        <source>They are lost otherwise.</source>
        <translation>保存しないと、変更は失われます。</translation>
    </message>
    <message>
        <source>About Caddie</source>
        <translation>Caddie について</translation>
    </message>
    <message>
        <source>Jobs and sd-scripts configurations (*.toml)</source>
        <translation>ジョブと sd-scripts の設定ファイル (*.toml)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>すべてのファイル (*)</translation>
    </message>
</context>
<context>
    <name>DifferView</name>
    <message>
        <source>Setting</source>
        <translation>設定</translation>
    </message>
    <message>
        <source>{section}: without effect</source>
        <translation>{section}: 影響なし</translation>
    </message>
    <message>
        <source>Select two runs above to see what differs between them.</source>
        <translation>上の一覧で 2 つの実行を選択すると、両者の違いがここに表示されます。</translation>
    </message>
    <message>
        <source>Select exactly two runs; {count} are selected.</source>
        <translation>2 つだけ選択してください ({count} 件が選択されています)。</translation>
    </message>
    <message>
        <source>Comparing …</source>
        <translation>比較しています …</translation>
    </message>
    <message>
        <source>Nothing differs: same settings, same checkout, same packages.</source>
        <translation>違いはありません。設定、チェックアウト、パッケージのすべてが同じです。</translation>
    </message>
    <message>
        <source>What differs</source>
        <translation>違い</translation>
    </message>
</context>
<context>
    <name>Editor</name>
    <message>
        <source>not set</source>
        <translation>未指定</translation>
    </message>
    <message>
        <source>{0}, from [general]</source>
        <translation>{0} ([general] の値)</translation>
    </message>
    <message>
        <source>{0}, from the dataset</source>
        <translation>{0} (データセットの値)</translation>
    </message>
    <message>
        <source>{0}, from the job</source>
        <translation>{0} (ジョブの値)</translation>
    </message>
    <message>
        <source>default {0}</source>
        <translation>既定値 {0}</translation>
    </message>
    <message>
        <source>Default</source>
        <translation>既定値</translation>
    </message>
    <message>
        <source>Dataset: {0}</source>
        <translation>データセット: {0}</translation>
    </message>
    <message>
        <source>Job: {0}</source>
        <translation>ジョブ: {0}</translation>
    </message>
    <message>
        <source>Default: {0}</source>
        <translation>既定値: {0}</translation>
    </message>
</context>
<context>
    <name>EffectiveView</name>
    <message>
        <source>Learning rate over the steps</source>
        <translation>ステップごとの学習率</translation>
    </message>
    <message>
        <source>Learning rate, {0}</source>
        <translation>学習率 ({0})</translation>
    </message>
    <message>
        <source>Learning rate</source>
        <translation>学習率</translation>
    </message>
    <message>
        <source>nothing is trained</source>
        <translation>学習対象なし</translation>
    </message>
    <message>
        <source>Scheduler</source>
        <translation>スケジューラ</translation>
    </message>
    <message>
        <source>No curve is known beforehand</source>
        <translation>曲線は事前には分かりません</translation>
    </message>
    <message>
        <source>What the settings come to</source>
        <translation>実際の設定</translation>
    </message>
    <message>
        <source>Every argument of the optimizer</source>
        <translation>オプティマイザーのすべての引数</translation>
    </message>
</context>
<context>
    <name>EmptyPage</name>
    <message>
        <source>Show Caddie the Python that trains</source>
        <translation>学習に使う Python を指定</translation>
    </message>
    <message>
        <source>Caddie starts your own sd-scripts with your own Python. Choose the folder where it is installed; Caddie finds both in it, looks at what is there, and changes nothing.</source>
        <translation>Caddie は、お使いの sd-scripts をお使いの Python で起動します。インストール先のフォルダーを選ぶと、両方を見つけて中身を確認します。変更は一切しません。</translation>
    </message>
    <message>
        <source>Choose folder …</source>
        <translation>フォルダーを選ぶ…</translation>
    </message>
    <message>
        <source>Set up a new one …</source>
        <translation>新しくセットアップ…</translation>
    </message>
    <message>
        <source>Choose python.exe …</source>
        <translation>python.exe を選ぶ…</translation>
    </message>
    <message>
        <source>Choose Python …</source>
        <translation>Python を選ぶ…</translation>
    </message>
    <message>
        <source>or drop a folder here</source>
        <translation>またはここにフォルダーをドロップ</translation>
    </message>
    <message>
        <source>Folders that Caddie understands, for example</source>
        <translation>指定できるフォルダーの例</translation>
    </message>
    <message>
        <source>sd-scripts with a venv in it or beside it</source>
        <translation>sd-scripts (venv が中か隣にあるもの)</translation>
    </message>
    <message>
        <source>kohya_ss, with its sd-scripts folder</source>
        <translation>kohya_ss (sd-scripts フォルダーを含むもの)</translation>
    </message>
    <message>
        <source>LoRA Easy Training Scripts</source>
        <translation>LoRA Easy Training Scripts</translation>
    </message>
    <message>
        <source>Stability Matrix: every trainer in its Packages</source>
        <translation>Stability Matrix (Packages 内の学習ツールすべて)</translation>
    </message>
    <message>
        <source>No sd-scripts yet? Caddie sets one up, with the PyTorch for your GPU, and shows every command before it is run. You can pick and set up an optimizer without it.</source>
        <translation>sd-scripts がまだない場合は、Caddie が GPU に合う PyTorch とともにセットアップします。実行するコマンドは事前にすべて表示されます。オプティマイザーの選択と設定は、sd-scripts がなくても行えます。</translation>
    </message>
</context>
<context>
    <name>EndsView</name>
    <message numerus="yes">
        <source>%n seeds</source>
        <translation>
            <numerusform>%n シード</numerusform>
        </translation>
    </message>
    <message>
        <source>{name} ({outcome}, not counted)</source>
        <translation>{name} ({outcome}、集計対象外)</translation>
    </message>
    <message>
        <source>Select runs above to see their end values, with the spread from seed to seed.</source>
        <translation>上の一覧で実行を選択すると、最終値とシード間のばらつきがここに表示されます。</translation>
    </message>
    <message>
        <source>Job</source>
        <translation>ジョブ</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>シード</translation>
    </message>
    <message>
        <source>Loss at end</source>
        <translation>最終 loss</translation>
    </message>
    <message>
        <source>Validation loss</source>
        <translation>検証 loss</translation>
    </message>
    <message>
        <source>Steps/s</source>
        <translation>ステップ/秒</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>メモリ</translation>
    </message>
    <message>
        <source>End values</source>
        <translation>最終値</translation>
    </message>
    <message>
        <source>Mean ± standard deviation over the seeds. A smaller difference between two jobs says nothing.</source>
        <translation>シード間の平均 ± 標準偏差です。2 つのジョブの差がこれより小さければ、優劣は判断できません。</translation>
    </message>
</context>
<context>
    <name>EngineCard</name>
    <message>
        <source>Change the engine</source>
        <translation>エンジンを変更</translation>
    </message>
    <message>
        <source>Change where the job trains</source>
        <translation>学習する場所を変更</translation>
    </message>
    <message>
        <source>Without it the training runs in this window and ends with it, after asking. A process of its own goes on when the window closes, and an error of the GPU cannot touch the window; it takes some seconds more to start.</source>
        <translation>オフの場合、学習はこのウィンドウの中で行われ、ウィンドウを閉じると (確認のうえ) 終わります。別プロセスなら、ウィンドウを閉じても学習が続き、GPU のエラーがウィンドウに影響しません。その代わり、開始に数秒余分にかかります。</translation>
    </message>
    <message>
        <source>The built-in trainer cannot run this job as it is:</source>
        <translation>内蔵トレーナーはこのジョブをこのままでは実行できません:</translation>
    </message>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>ほか %n 件</numerusform>
        </translation>
    </message>
    <message>
        <source>Engine</source>
        <translation>エンジン</translation>
    </message>
    <message>
        <source>Built-in trainer</source>
        <translation>内蔵トレーナー</translation>
    </message>
    <message>
        <source>The built-in trainer is Caddie&apos;s own: it trains LoRAs of Stable Diffusion 1.x, 2.x and SDXL without sd-scripts and without an environment. It is new, and not measured on a GPU yet.</source>
        <translation>内蔵トレーナーは Caddie 自身の学習機能です。sd-scripts も環境も使わずに Stable Diffusion 1.x、2.x、SDXL の LoRA を学習します。まだ新しく、GPU での測定は行っていません。</translation>
    </message>
    <message>
        <source>In a process of its own</source>
        <translation>別プロセスで実行</translation>
    </message>
    <message>
        <source>Run this with sd-scripts instead</source>
        <translation>代わりに sd-scripts で実行</translation>
    </message>
</context>
<context>
    <name>EntryActions</name>
    <message>
        <source>Move up</source>
        <translation>上へ</translation>
    </message>
    <message>
        <source>Move up (Alt+Up)</source>
        <translation>上へ移動 (Alt+↑)</translation>
    </message>
    <message>
        <source>Move down</source>
        <translation>下へ</translation>
    </message>
    <message>
        <source>Move down (Alt+Down)</source>
        <translation>下へ移動 (Alt+↓)</translation>
    </message>
    <message>
        <source>Show the run</source>
        <translation>実行を表示</translation>
    </message>
    <message>
        <source>Show the run (Enter)</source>
        <translation>実行を表示します (Enter)</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>編集</translation>
    </message>
    <message>
        <source>Open the job in Set up; saving writes it back into the queue (Enter)</source>
        <translation>設定ページでジョブを開きます。保存するとキューに反映されます (Enter)</translation>
    </message>
    <message>
        <source>Release</source>
        <translation>保留を解除</translation>
    </message>
    <message>
        <source>Let it wait again (Space)</source>
        <translation>待機に戻します (スペース)</translation>
    </message>
    <message>
        <source>Hold</source>
        <translation>保留</translation>
    </message>
    <message>
        <source>Pass it over until it is released (Space)</source>
        <translation>解除するまで飛ばします (スペース)</translation>
    </message>
    <message>
        <source>Do not pause after it</source>
        <translation>完了後も続ける</translation>
    </message>
    <message>
        <source>Let the queue go on when it is over</source>
        <translation>このジョブが終わってもキューを続けます</translation>
    </message>
    <message>
        <source>Pause after it</source>
        <translation>完了後に一時停止</translation>
    </message>
    <message>
        <source>Start nothing more when it is over</source>
        <translation>このジョブが終わったら、次を開始しません</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>もう一度実行</translation>
    </message>
    <message>
        <source>Let it wait again; its former run stays in the history</source>
        <translation>待機に戻します。前回の実行は履歴に残ります</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>フォルダー</translation>
    </message>
    <message>
        <source>Show its folder</source>
        <translation>フォルダーを開きます</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>削除</translation>
    </message>
    <message>
        <source>Take it out of the queue; its run stays (Delete)</source>
        <translation>キューから外します。実行は残ります (Delete)</translation>
    </message>
</context>
<context>
    <name>EnvironmentDetail</name>
    <message>
        <source>Rename …</source>
        <translation>名前を変更…</translation>
    </message>
    <message>
        <source>Choose sd-scripts folder …</source>
        <translation>sd-scripts のフォルダーを選ぶ…</translation>
    </message>
    <message>
        <source>Repair …</source>
        <translation>修復…</translation>
    </message>
    <message>
        <source>Show in the file manager</source>
        <translation>ファイルマネージャーで表示</translation>
    </message>
    <message>
        <source>Remove from the list …</source>
        <translation>一覧から外す…</translation>
    </message>
    <message>
        <source>More</source>
        <translation>その他の操作</translation>
    </message>
    <message>
        <source>Optimizers</source>
        <translation>オプティマイザー</translation>
    </message>
    <message>
        <source>Packages</source>
        <translation>パッケージ</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>中止</translation>
    </message>
    <message>
        <source>Check again</source>
        <translation>もう一度確認</translation>
    </message>
    <message>
        <source>Trying {module} …</source>
        <translation>{module} を確認しています…</translation>
    </message>
    <message>
        <source>Starting Python …</source>
        <translation>Python を起動しています…</translation>
    </message>
    <message>
        <source>Checked {age}</source>
        <translation>確認: {age}</translation>
    </message>
    <message>
        <source>Looking at this Python …</source>
        <translation>この Python を確認しています…</translation>
    </message>
    <message>
        <source>It imports PyTorch and every optimizer package once, as a training would. On a slow disk this takes a minute.</source>
        <translation>学習時と同じように、PyTorch とオプティマイザーのパッケージを一度ずつ読み込みます。遅いディスクでは 1 分ほどかかります。</translation>
    </message>
    <message>
        <source>This Python did not answer</source>
        <translation>この Python から応答がありません</translation>
    </message>
    <message>
        <source>Not checked yet</source>
        <translation>まだ確認していません</translation>
    </message>
    <message>
        <source>Caddie has not looked at this Python yet.</source>
        <translation>この Python の中身はまだ確認していません。</translation>
    </message>
    <message>
        <source>Check now</source>
        <translation>今すぐ確認</translation>
    </message>
</context>
<context>
    <name>EnvironmentDialogs</name>
    <message>
        <source>Choose the folder of sd-scripts, kohya_ss, a venv …</source>
        <translation>sd-scripts、kohya_ss、venv などのフォルダーを選択</translation>
    </message>
    <message>
        <source>Choose the Python that trains</source>
        <translation>学習に使う Python を選択</translation>
    </message>
    <message>
        <source>Python (python.exe)</source>
        <translation>Python (python.exe)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>すべてのファイル (*)</translation>
    </message>
    <message>
        <source>Choose the folder that holds train_network.py</source>
        <translation>train_network.py のあるフォルダーを選択</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>名前を変更</translation>
    </message>
    <message>
        <source>Name of this environment:</source>
        <translation>この環境の名前:</translation>
    </message>
    <message>
        <source>Remove “{name}” from the list?</source>
        <translation>「{name}」を一覧から外しますか?</translation>
    </message>
    <message>
        <source>Only Caddie forgets it. Nothing is deleted from the disk.</source>
        <translation>Caddie の一覧から外れるだけで、ディスク上のファイルは削除されません。</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>外す</translation>
    </message>
</context>
<context>
    <name>EnvironmentPage</name>
    <message>
        <source>Environments</source>
        <translation>環境の一覧</translation>
    </message>
    <message>
        <source>Add folder …</source>
        <translation>フォルダー追加…</translation>
    </message>
    <message>
        <source>Python …</source>
        <translation>Python…</translation>
    </message>
    <message>
        <source>Set up a new one …</source>
        <translation>新しくセットアップ…</translation>
    </message>
    <message>
        <source>A folder of sd-scripts, kohya_ss, LoRA Easy Training Scripts, Stability Matrix, a venv</source>
        <translation>sd-scripts、kohya_ss、LoRA Easy Training Scripts、Stability Matrix、venv などのフォルダー</translation>
    </message>
    <message>
        <source>A Python interpreter</source>
        <translation>Python インタープリター</translation>
    </message>
    <message>
        <source>{count} environments were found in {path}. Add the ones you train with.</source>
        <translation>{path} に {count} 個の環境が見つかりました。学習に使うものを追加してください。</translation>
    </message>
    <message>
        <source>There is neither a Python nor sd-scripts in {path}. Choose the folder that holds them.</source>
        <translation>{path} には Python も sd-scripts もありません。それらのあるフォルダーを選んでください。</translation>
    </message>
    <message>
        <source>{path} is sd-scripts, but no Python lies in it or beside it. Choose the Python that trains.</source>
        <translation>{path} は sd-scripts ですが、中にも隣にも Python がありません。学習に使う Python を選んでください。</translation>
    </message>
</context>
<context>
    <name>EnvironmentWords</name>
    <message>
        <source>just now</source>
        <translation>たった今</translation>
    </message>
    <message>
        <source>{count} min ago</source>
        <translation>{count} 分前</translation>
    </message>
    <message>
        <source>{count} h ago</source>
        <translation>{count} 時間前</translation>
    </message>
    <message>
        <source>yesterday</source>
        <translation>昨日</translation>
    </message>
    <message>
        <source>{count} days ago</source>
        <translation>{count} 日前</translation>
    </message>
    <message>
        <source>Checking …</source>
        <translation>確認中…</translation>
    </message>
    <message>
        <source>Not checked</source>
        <translation>未確認</translation>
    </message>
    <message>
        <source>No answer</source>
        <translation>応答なし</translation>
    </message>
    <message>
        <source>Cannot train</source>
        <translation>学習不可</translation>
    </message>
    <message>
        <source>No GPU</source>
        <translation>GPU なし</translation>
    </message>
    <message>
        <source>See notes</source>
        <translation>注意あり</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>使用可能</translation>
    </message>
</context>
<context>
    <name>ErrorDialog</name>
    <message>
        <source>Something went wrong</source>
        <translation>問題が発生しました</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>詳細</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>コピー</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>That did not work</source>
        <translation>実行できませんでした</translation>
    </message>
    <message>
        <source>Something unexpected happened</source>
        <translation>予期しない問題が発生しました</translation>
    </message>
    <message>
        <source>And {count} more; see the details.</source>
        <translation>ほかに {count} 件あります。詳細をご覧ください。</translation>
    </message>
    <message>
        <source>This is a fault in Caddie: {error}. Your job is still open; save it before you go on. The details help to mend it.</source>
        <translation>Caddie の不具合です: {error}。ジョブは開いたままです。続ける前に保存してください。詳細は不具合の修正に役立ちます。</translation>
    </message>
</context>
<context>
    <name>ExplainDialog</name>
    <message>
        <source>What {file} says</source>
        <translation>{file} の内容</translation>
    </message>
    <message>
        <source>The end of the log</source>
        <translation>ログの末尾</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>The cause of this error is not known.</source>
        <translation>このエラーの原因は登録されていません。</translation>
    </message>
    <message>
        <source>No error was found in this log.</source>
        <translation>このログにエラーは見つかりませんでした。</translation>
    </message>
</context>
<context>
    <name>FieldGroup</name>
    <message>
        <source>Less</source>
        <translation>折りたたむ</translation>
    </message>
    <message>
        <source>More ({0})</source>
        <translation>さらに表示 ({0})</translation>
    </message>
</context>
<context>
    <name>FieldRow</name>
    <message>
        <source>Back to the default</source>
        <translation>既定値に戻す</translation>
    </message>
    <message>
        <source>Back to the default: {0}</source>
        <translation>既定値に戻す: {0}</translation>
    </message>
    <message>
        <source>Reset {0}</source>
        <translation>{0} を既定値に戻す</translation>
    </message>
    <message>
        <source>Has no effect with the present values.</source>
        <translation>現在の値では効果がありません。</translation>
    </message>
</context>
<context>
    <name>FilterBar</name>
    <message>
        <source>Search (press /)</source>
        <translation>検索 (/ キー)</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>検索</translation>
    </message>
    <message>
        <source>Category</source>
        <translation>カテゴリ</translation>
    </message>
    <message>
        <source>LR method</source>
        <translation>Lr方式</translation>
    </message>
    <message>
        <source>Install state</source>
        <translation>インストール状態</translation>
    </message>
    <message>
        <source>State memory</source>
        <translation>状態メモリ</translation>
    </message>
    <message>
        <source>Every category</source>
        <translation>カテゴリ: すべて</translation>
    </message>
    <message>
        <source>Every LR method</source>
        <translation>Lr方式: すべて</translation>
    </message>
    <message>
        <source>Installed or not</source>
        <translation>インストール: すべて</translation>
    </message>
    <message>
        <source>Ready to use</source>
        <translation>使用可能</translation>
    </message>
    <message>
        <source>Not ready</source>
        <translation>準備が必要</translation>
    </message>
    <message>
        <source>Any state memory</source>
        <translation>状態メモリ: すべて</translation>
    </message>
    <message>
        <source>At most {bytes} B/param</source>
        <translation>{bytes} B/パラメータ以下</translation>
    </message>
</context>
<context>
    <name>FoundList</name>
    <message>
        <source>Found on this computer</source>
        <translation>このパソコンで見つかった環境</translation>
    </message>
    <message>
        <source>Search the usual places again</source>
        <translation>よくある場所をもう一度検索</translation>
    </message>
    <message>
        <source>Looking in the usual places …</source>
        <translation>よくある場所を探しています…</translation>
    </message>
    <message>
        <source>Nothing more in the usual places. Choose its folder instead.</source>
        <translation>よくある場所にはほかにありません。フォルダーを直接選んでください。</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>追加</translation>
    </message>
    <message>
        <source>Add {name}</source>
        <translation>{name} を追加</translation>
    </message>
</context>
<context>
    <name>HandoverDialog</name>
    <message>
        <source>Take the rate over</source>
        <translation>学習率を引き継ぐ</translation>
    </message>
    <message>
        <source>What the new job has otherwise ({0})</source>
        <translation>新しいジョブで変わる設定 ({0})</translation>
    </message>
    <message>
        <source>{rule} Source: {source}</source>
        <translation>{rule} 出典: {source}</translation>
    </message>
    <message>
        <source>What this run found</source>
        <translation>この実行で分かったこと</translation>
    </message>
    <message>
        <source>This run tells no learning rate.</source>
        <translation>この実行には学習率の記録がありません。</translation>
    </message>
    <message>
        <source>Go on with</source>
        <translation>次に使うオプティマイザー</translation>
    </message>
    <message>
        <source>Let the new rate rise as long as d did (warm-up)</source>
        <translation>d が上昇していた長さだけウォームアップする</translation>
    </message>
    <message>
        <source>Setting</source>
        <translation>設定</translation>
    </message>
    <message>
        <source>This run</source>
        <translation>この実行</translation>
    </message>
    <message>
        <source>New job</source>
        <translation>新しいジョブ</translation>
    </message>
    <message>
        <source>What would change</source>
        <translation>変更点</translation>
    </message>
    <message>
        <source>Open in Set up</source>
        <translation>設定ページで開く</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
</context>
<context>
    <name>HandoverPlot</name>
    <message>
        <source>rate</source>
        <translation>学習率</translation>
    </message>
    <message>
        <source>least</source>
        <translation>下限</translation>
    </message>
    <message>
        <source>most</source>
        <translation>上限</translation>
    </message>
    <message>
        <source>This run has no d</source>
        <translation>この実行には d がありません</translation>
    </message>
    <message>
        <source>d × learning rate, before the scheduler</source>
        <translation>d × 学習率 (スケジューラ適用前)</translation>
    </message>
</context>
<context>
    <name>HelpPane</name>
    <message>
        <source>Help</source>
        <translation>ヘルプ</translation>
    </message>
    <message>
        <source>Click into a field, or reach it with Tab, to read here what it does.</source>
        <translation>項目をクリックするか Tab キーで移動すると、ここに説明が表示されます。</translation>
    </message>
    <message>
        <source>Nobody has described this one yet.</source>
        <translation>この項目の説明はまだありません。</translation>
    </message>
    <message>
        <source>Type</source>
        <translation>型</translation>
    </message>
    <message>
        <source>Default</source>
        <translation>既定値</translation>
    </message>
    <message>
        <source>none</source>
        <translation>なし</translation>
    </message>
    <message>
        <source>Unit</source>
        <translation>単位</translation>
    </message>
    <message>
        <source>Examples</source>
        <translation>例</translation>
    </message>
    <message>
        <source>Learning rate</source>
        <translation>学習率</translation>
    </message>
    <message>
        <source>Scheduler</source>
        <translation>スケジューラ</translation>
    </message>
    <message>
        <source>Tip</source>
        <translation>ヒント</translation>
    </message>
</context>
<context>
    <name>HistoryColumns</name>
    <message>
        <source>Run</source>
        <translation>実行</translation>
    </message>
    <message>
        <source>Outcome</source>
        <translation>結果</translation>
    </message>
    <message>
        <source>Optimizer</source>
        <translation>オプティマイザー</translation>
    </message>
    <message>
        <source>Arguments</source>
        <translation>引数</translation>
    </message>
    <message>
        <source>Rate</source>
        <translation>学習率</translation>
    </message>
    <message>
        <source>Scheduler</source>
        <translation>スケジューラ</translation>
    </message>
    <message>
        <source>Loss at end</source>
        <translation>最終 loss</translation>
    </message>
    <message>
        <source>Validation</source>
        <translation>検証 loss</translation>
    </message>
    <message>
        <source>d*lr at end</source>
        <translation>最終 d*lr</translation>
    </message>
    <message>
        <source>Steps/s</source>
        <translation>ステップ/秒</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>メモリ</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>ステップ</translation>
    </message>
    <message>
        <source>Duration</source>
        <translation>所要時間</translation>
    </message>
    <message>
        <source>Started</source>
        <translation>開始</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>シード</translation>
    </message>
    <message>
        <source>Tags</source>
        <translation>タグ</translation>
    </message>
    <message>
        <source>Notes</source>
        <translation>メモ</translation>
    </message>
    <message>
        <source>Engine</source>
        <translation>エンジン</translation>
    </message>
    <message>
        <source>Source</source>
        <translation>作成元</translation>
    </message>
    <message>
        <source>The learning rate that the job names; for d*lr optimizers it is a factor.</source>
        <translation>ジョブで指定された学習率です。d*lr のオプティマイザーでは係数になります。</translation>
    </message>
    <message>
        <source>Smoothed over about 50 steps. The validation loss is the better guide.</source>
        <translation>約 50 ステップで平滑化した値です。判断には検証 loss のほうが適しています。</translation>
    </message>
    <message>
        <source>The last loss on held-out images.</source>
        <translation>学習に使わない画像で最後に測った loss です。</translation>
    </message>
    <message>
        <source>Of a usual step, without saving, samples and validation.</source>
        <translation>通常のステップの速度です。保存、サンプル生成、検証の時間は含みません。</translation>
    </message>
    <message>
        <source>Peak memory of the GPU, else of the process.</source>
        <translation>VRAM の最大使用量です。GPU がない場合はプロセスのメモリです。</translation>
    </message>
    <message>
        <source>Yours; separated by commas. F2 or a double click edits them.</source>
        <translation>自由に付けられます。カンマで区切ります。F2 キーまたはダブルクリックで編集できます。</translation>
    </message>
    <message>
        <source>Yours. F2 or a double click edits them.</source>
        <translation>自由に書けます。F2 キーまたはダブルクリックで編集できます。</translation>
    </message>
    <message>
        <source>Where the run was made: here, or imported.</source>
        <translation>この Caddie での実行か、取り込んだ実行かを示します。</translation>
    </message>
    <message>
        <source>TensorBoard</source>
        <translation>TensorBoard</translation>
    </message>
    <message>
        <source>LoRA file</source>
        <translation>LoRA ファイル</translation>
    </message>
    <message>
        <source>Damaged</source>
        <translation>破損</translation>
    </message>
    <message>
        <source>Imported</source>
        <translation>取り込み</translation>
    </message>
    <message>
        <source>Caddie (copied)</source>
        <translation>Caddie (コピー)</translation>
    </message>
</context>
<context>
    <name>HistoryDialogs</name>
    <message>
        <source>Move the run “{name}” to the bin?</source>
        <translation>実行「{name}」をごみ箱に移動しますか?</translation>
    </message>
    <message numerus="yes">
        <source>Move %n runs to the bin?</source>
        <translation>
            <numerusform>%n 件の実行をごみ箱に移動しますか?</numerusform>
        </translation>
    </message>
    <message>
        <source>Their folders with curves, logs and settings go. Saved LoRAs and pictures elsewhere stay.</source>
        <translation>曲線、ログ、設定の入った実行フォルダーが移動します。ほかの場所に保存された LoRA や画像はそのまま残ります。</translation>
    </message>
    <message>
        <source>Move to the bin</source>
        <translation>ごみ箱に移動</translation>
    </message>
    <message>
        <source>Import runs of a folder</source>
        <translation>フォルダーから実行を取り込む</translation>
    </message>
    <message>
        <source>LoRA and TensorBoard files ({0})</source>
        <translation>LoRA と TensorBoard のファイル ({0})</translation>
    </message>
    <message>
        <source>Import a run</source>
        <translation>実行を取り込む</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>すべてのファイル (*)</translation>
    </message>
</context>
<context>
    <name>HistoryFilters</name>
    <message>
        <source>Search, or e.g. loss&lt;0.1 (press /)</source>
        <translation>検索、または loss&lt;0.1 など (/ キー)</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>検索</translation>
    </message>
    <message>
        <source>Words, or conditions on columns: optimizer:prodigy loss&lt;0.1 -tag:bad
Columns: {columns}
Memory in GiB, duration in seconds.</source>
        <translation>語句、または列の条件で検索します: optimizer:prodigy loss&lt;0.1 -tag:bad
列: {columns}
memory は GiB、duration は秒です。</translation>
    </message>
    <message>
        <source>Optimizer</source>
        <translation>オプティマイザー</translation>
    </message>
    <message>
        <source>Outcome</source>
        <translation>結果</translation>
    </message>
    <message>
        <source>Source</source>
        <translation>作成元</translation>
    </message>
    <message>
        <source>Tag</source>
        <translation>タグ</translation>
    </message>
    <message>
        <source>Damaged</source>
        <translation>破損</translation>
    </message>
    <message>
        <source>Every optimizer</source>
        <translation>すべてのオプティマイザー</translation>
    </message>
    <message>
        <source>Every outcome</source>
        <translation>すべての結果</translation>
    </message>
    <message>
        <source>Every source</source>
        <translation>すべての作成元</translation>
    </message>
    <message>
        <source>Every tag</source>
        <translation>すべてのタグ</translation>
    </message>
</context>
<context>
    <name>HistoryPage</name>
    <message>
        <source>A run that is still going on cannot be deleted. Stop it first.</source>
        <translation>実行中のものは削除できません。先に停止してください。</translation>
    </message>
    <message>
        <source>Importing {name} …</source>
        <translation>{name} を取り込んでいます …</translation>
    </message>
    <message>
        <source>Nothing on this system opens it: {path}</source>
        <translation>開けるアプリが見つかりません: {path}</translation>
    </message>
    <message numerus="yes">
        <source>%n runs were imported.</source>
        <translation>
            <numerusform>%n 件の実行を取り込みました。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n were there already and were brought up to date.</source>
        <translation>
            <numerusform>%n 件は取り込み済みだったため更新しました。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n runs were moved to the bin.</source>
        <translation>
            <numerusform>%n 件の実行をごみ箱に移動しました。</numerusform>
        </translation>
    </message>
    <message>
        <source>All columns as at first</source>
        <translation>列を初期状態に戻す</translation>
    </message>
    <message>
        <source>{done} of {total}</source>
        <translation>{done} / {total}</translation>
    </message>
    <message numerus="yes">
        <source>%n runs</source>
        <translation>
            <numerusform>%n 件</numerusform>
        </translation>
    </message>
    <message>
        <source>{shown} of {total} runs</source>
        <translation>{total} 件中 {shown} 件</translation>
    </message>
    <message>
        <source>{count} selected</source>
        <translation>{count} 件を選択中</translation>
    </message>
    <message>
        <source>The runs could not be read</source>
        <translation>実行を読み取れませんでした</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>再試行</translation>
    </message>
    <message>
        <source>History</source>
        <translation>履歴</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>実行</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>開く</translation>
    </message>
    <message>
        <source>Show the run on the Run page (Enter)</source>
        <translation>実行ページで表示します (Enter)</translation>
    </message>
    <message>
        <source>Use its job</source>
        <translation>ジョブを再利用</translation>
    </message>
    <message>
        <source>Open the run&apos;s job in Set up, to change it or to start it again</source>
        <translation>この実行のジョブを設定ページで開きます。変更したり、もう一度開始したりできます</translation>
    </message>
    <message>
        <source>Delete…</source>
        <translation>削除…</translation>
    </message>
    <message>
        <source>Move the selected runs to the system&apos;s bin (Delete)</source>
        <translation>選択した実行をシステムのごみ箱に移動します (Delete)</translation>
    </message>
    <message>
        <source>Import</source>
        <translation>取り込み</translation>
    </message>
    <message>
        <source>Runs made elsewhere: TensorBoard files, LoRA files</source>
        <translation>ほかで行った学習を取り込みます: TensorBoard ファイル、LoRA ファイル</translation>
    </message>
    <message>
        <source>A LoRA or TensorBoard file…</source>
        <translation>LoRA または TensorBoard のファイル…</translation>
    </message>
    <message>
        <source>Everything in a folder…</source>
        <translation>フォルダー内のすべて…</translation>
    </message>
    <message>
        <source>Columns</source>
        <translation>列</translation>
    </message>
    <message>
        <source>Look at the folders again</source>
        <translation>フォルダーを読み直す</translation>
    </message>
    <message>
        <source>Show its folder</source>
        <translation>フォルダーを開く</translation>
    </message>
    <message>
        <source>Edit tags</source>
        <translation>タグを編集</translation>
    </message>
    <message>
        <source>Edit notes</source>
        <translation>メモを編集</translation>
    </message>
    <message>
        <source>Reading the runs …</source>
        <translation>実行を読み取っています …</translation>
    </message>
    <message>
        <source>Each run is read once; the next time this takes a moment only.</source>
        <translation>読み取りは実行ごとに 1 回だけです。次回からはすぐに表示されます。</translation>
    </message>
    <message>
        <source>No run yet</source>
        <translation>実行はまだありません</translation>
    </message>
    <message>
        <source>Every training that you start is kept here with its settings and what came out. Runs made elsewhere come in through Import: TensorBoard files, or LoRA files.</source>
        <translation>開始した学習は、設定と結果とともにすべてここに残ります。ほかで行った学習も、「取り込み」で TensorBoard ファイルや LoRA ファイルから追加できます。</translation>
    </message>
    <message>
        <source>Open the demo</source>
        <translation>デモを開く</translation>
    </message>
    <message>
        <source>No run fits</source>
        <translation>該当する実行がありません</translation>
    </message>
    <message>
        <source>There is no run for all of these filters.</source>
        <translation>すべての条件に当てはまる実行はありません。</translation>
    </message>
    <message>
        <source>Clear filters</source>
        <translation>条件を解除</translation>
    </message>
</context>
<context>
    <name>HistoryTabs</name>
    <message>
        <source>Curves</source>
        <translation>曲線</translation>
    </message>
    <message>
        <source>End values</source>
        <translation>最終値</translation>
    </message>
    <message>
        <source>What differs</source>
        <translation>違い</translation>
    </message>
</context>
<context>
    <name>ImagesView</name>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Count the images</source>
        <translation>画像を数える</translation>
    </message>
    <message>
        <source>{0} images …</source>
        <translation>画像 {0} 枚…</translation>
    </message>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>ほか %n 件</numerusform>
        </translation>
    </message>
    <message>
        <source>Images</source>
        <translation>画像</translation>
    </message>
    <message>
        <source>with repeats</source>
        <translation>繰り返しを含む</translation>
    </message>
    <message>
        <source>without a caption</source>
        <translation>キャプションなし</translation>
    </message>
    <message>
        <source>Steps an epoch</source>
        <translation>1 エポックのステップ数</translation>
    </message>
    <message>
        <source>Epochs</source>
        <translation>エポック数</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>ステップ数</translation>
    </message>
    <message>
        <source>Regularization images</source>
        <translation>正則化画像</translation>
    </message>
    <message>
        <source>Counts what will be trained: images with their repeats, captions that are missing, sizes, and steps.</source>
        <translation>学習の対象を数えます。画像と繰り返し、キャプションのない画像、サイズ、ステップ数を表示します。</translation>
    </message>
    <message>
        <source>The job or its dataset config has changed since.</source>
        <translation>その後、ジョブまたはデータセット設定ファイルが変更されています。</translation>
    </message>
    <message>
        <source>Edit the dataset …</source>
        <translation>データセットを編集…</translation>
    </message>
    <message>
        <source>Sizes that the images are brought to, with repeats</source>
        <translation>画像を合わせるサイズ (繰り返しを含む枚数)</translation>
    </message>
</context>
<context>
    <name>ImportDialog</name>
    <message>
        <source>Import</source>
        <translation>インポート</translation>
    </message>
    <message>
        <source>Import {file}</source>
        <translation>{file} のインポート</translation>
    </message>
    <message>
        <source>Key</source>
        <translation>キー</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>値</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>結果</translation>
    </message>
    <message>
        <source>Becomes</source>
        <translation>変換先</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>補足</translation>
    </message>
    <message>
        <source>What became of each key</source>
        <translation>各キーの取り込み結果</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名前</translation>
    </message>
    <message>
        <source>Now</source>
        <translation>現在</translation>
    </message>
    <message>
        <source>Then</source>
        <translation>変更後</translation>
    </message>
    <message>
        <source>What would change</source>
        <translation>変更される内容</translation>
    </message>
    <message>
        <source>Show keys that are not set, too</source>
        <translation>未設定のキーも表示</translation>
    </message>
    <message>
        <source>Remove what the file does not mention</source>
        <translation>ファイルに書かれていない設定を削除</translation>
    </message>
    <message>
        <source>Apply</source>
        <translation>適用</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>not set</source>
        <translation>未指定</translation>
    </message>
    <message>
        <source>removed</source>
        <translation>削除</translation>
    </message>
    <message>
        <source>What would change ({0})</source>
        <translation>変更される内容 ({0})</translation>
    </message>
</context>
<context>
    <name>InstallDialog</name>
    <message>
        <source>Install packages</source>
        <translation>パッケージのインストール</translation>
    </message>
    <message>
        <source>Install into {name}</source>
        <translation>{name} にインストール</translation>
    </message>
    <message>
        <source>The command that is run</source>
        <translation>実行されるコマンド</translation>
    </message>
    <message>
        <source>Yes, PyTorch may be installed or replaced</source>
        <translation>PyTorch のインストールまたは置き換えを許可する</translation>
    </message>
    <message>
        <source>Copy command</source>
        <translation>コマンドをコピー</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>Install</source>
        <translation>インストール</translation>
    </message>
    <message>
        <source>Asking pip what installing {names} would change …</source>
        <translation>{names} のインストールで何が変わるかを pip で確認しています…</translation>
    </message>
    <message>
        <source>Everything it needs is there already. Check the environment again to see it.</source>
        <translation>必要なものはすでにそろっています。環境をもう一度確認すると反映されます。</translation>
    </message>
    <message>
        <source>pip installs {names} into this Python:</source>
        <translation>pip で {names} を次の Python にインストールします:</translation>
    </message>
    <message>
        <source>New or changed: {packages}. PyTorch stays as it is.</source>
        <translation>追加・変更: {packages}。PyTorch は変わりません。</translation>
    </message>
    <message>
        <source>New or changed: {packages}.</source>
        <translation>追加・変更: {packages}。</translation>
    </message>
</context>
<context>
    <name>InstallPanel</name>
    <message>
        <source>Stopping …</source>
        <translation>中止しています…</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>中止</translation>
    </message>
    <message>
        <source>Close the log</source>
        <translation>ログを閉じる</translation>
    </message>
    <message>
        <source>Output of pip</source>
        <translation>pip の出力</translation>
    </message>
    <message>
        <source>Installing {names}</source>
        <translation>{names} をインストールしています</translation>
    </message>
    <message>
        <source>Installed {names}</source>
        <translation>{names} をインストールしました</translation>
    </message>
    <message>
        <source>Done in {seconds} s. The environment is being checked again.</source>
        <translation>{seconds} 秒で完了しました。環境をもう一度確認しています。</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>中止しました</translation>
    </message>
    <message>
        <source>The installation failed</source>
        <translation>インストールに失敗しました</translation>
    </message>
</context>
<context>
    <name>JobActions</name>
    <message>
        <source>Untitled job</source>
        <translation>無題のジョブ</translation>
    </message>
    <message>
        <source>job</source>
        <translation>ジョブ</translation>
    </message>
</context>
<context>
    <name>KeptColumns</name>
    <message>
        <source>All columns as at first</source>
        <translation>列を初期状態に戻す</translation>
    </message>
</context>
<context>
    <name>LineEditor</name>
    <message>
        <source>empty text</source>
        <translation>空の文字列</translation>
    </message>
</context>
<context>
    <name>LinesEditor</name>
    <message>
        <source>one value a line</source>
        <translation>1 行に 1 つの値</translation>
    </message>
</context>
<context>
    <name>LogView</name>
    <message>
        <source>Not found</source>
        <translation>見つかりません</translation>
    </message>
    <message>
        <source>Search the log</source>
        <translation>ログを検索</translation>
    </message>
    <message>
        <source>Previous place</source>
        <translation>前の該当箇所</translation>
    </message>
    <message>
        <source>Next place</source>
        <translation>次の該当箇所</translation>
    </message>
    <message>
        <source>Follow</source>
        <translation>追従</translation>
    </message>
    <message>
        <source>Keep the newest line in sight</source>
        <translation>常に最新の行を表示します</translation>
    </message>
    <message>
        <source>Wrap</source>
        <translation>折り返す</translation>
    </message>
    <message>
        <source>Copy the selection, or all</source>
        <translation>選択範囲 (なければ全体) をコピー</translation>
    </message>
    <message>
        <source>Open the log file</source>
        <translation>ログファイルを開く</translation>
    </message>
    <message>
        <source>Open the run&apos;s folder</source>
        <translation>実行フォルダーを開く</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>ログ</translation>
    </message>
</context>
<context>
    <name>LossPlot</name>
    <message>
        <source>each step</source>
        <translation>各ステップ</translation>
    </message>
    <message>
        <source>smoothed</source>
        <translation>平滑化</translation>
    </message>
    <message>
        <source>the script&apos;s average</source>
        <translation>スクリプトの平均値</translation>
    </message>
    <message>
        <source>validation loss</source>
        <translation>検証 loss</translation>
    </message>
    <message>
        <source>The raw training loss hardly predicts quality: each step draws other noise and timesteps. Better guides are the validation loss, which is measured on held-out images with the same noise and timesteps each time, and the sample pictures.</source>
        <translation>学習時の loss は、ステップごとにノイズとタイムステップが変わるため、出来の目安にはほとんどなりません。学習に使わない画像を毎回同じノイズとタイムステップで測る検証 loss と、サンプル画像のほうが確かな目安です。</translation>
    </message>
    <message>
        <source>No loss has been reported yet</source>
        <translation>loss の記録がまだありません</translation>
    </message>
    <message>
        <source>{count} steps without a finite loss</source>
        <translation>loss が有限でないステップ: {count}</translation>
    </message>
    <message>
        <source>Loss</source>
        <translation>loss</translation>
    </message>
    <message>
        <source>What the loss tells</source>
        <translation>loss の見かた</translation>
    </message>
    <message>
        <source>Validation loss</source>
        <translation>検証 loss</translation>
    </message>
    <message>
        <source>This run has none. For the next one, hold out some images in Set up (validation_split, e.g. 0.1).</source>
        <translation>この実行には検証 loss がありません。次回は設定で画像の一部を検証用に取り分けてください (validation_split、例: 0.1)。</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>The options of this sd-scripts could not be read, so Caddie&apos;s own list is shown. {0}</source>
        <translation>この sd-scripts のオプションを読み取れなかったため、Caddie 内蔵の一覧を表示しています。{0}</translation>
    </message>
</context>
<context>
    <name>Menus</name>
    <message>
        <source>&amp;File</source>
        <translation>ファイル(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Edit</source>
        <translation>編集(&amp;E)</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>表示(&amp;V)</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>ヘルプ(&amp;H)</translation>
    </message>
    <message>
        <source>&amp;New job</source>
        <translation>新しいジョブ(&amp;N)</translation>
    </message>
    <message>
        <source>&amp;Open job…</source>
        <translation>ジョブを開く(&amp;O)…</translation>
    </message>
    <message>
        <source>&amp;Import settings…</source>
        <translation>設定のインポート(&amp;I)…</translation>
    </message>
    <message>
        <source>&amp;Race of optimizers…</source>
        <translation>オプティマイザーの比較レース(&amp;R)…</translation>
    </message>
    <message>
        <source>Open &amp;recent</source>
        <translation>最近使ったジョブ(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;Save</source>
        <translation>保存(&amp;S)</translation>
    </message>
    <message>
        <source>Save &amp;as…</source>
        <translation>名前を付けて保存(&amp;A)…</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>終了(&amp;Q)</translation>
    </message>
    <message>
        <source>&amp;Language</source>
        <translation>言語(&amp;L)</translation>
    </message>
    <message>
        <source>&amp;Theme</source>
        <translation>テーマ(&amp;T)</translation>
    </message>
    <message>
        <source>&amp;Watchdogs and messages…</source>
        <translation>監視と通知(&amp;W)…</translation>
    </message>
    <message>
        <source>Like the system</source>
        <translation>システムに合わせる</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>ライト</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>ダーク</translation>
    </message>
    <message>
        <source>Open the de&amp;mo</source>
        <translation>デモを開く(&amp;M)</translation>
    </message>
    <message>
        <source>&amp;Explain a log…</source>
        <translation>ログのエラーを調べる(&amp;E)…</translation>
    </message>
    <message>
        <source>Open the &amp;data folder</source>
        <translation>データフォルダーを開く(&amp;D)</translation>
    </message>
    <message>
        <source>&amp;About Caddie</source>
        <translation>Caddie について(&amp;A)</translation>
    </message>
    <message>
        <source>&amp;Undo: {what}</source>
        <translation>元に戻す: {what}(&amp;U)</translation>
    </message>
    <message>
        <source>&amp;Undo</source>
        <translation>元に戻す(&amp;U)</translation>
    </message>
    <message>
        <source>&amp;Redo: {what}</source>
        <translation>やり直す: {what}(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;Redo</source>
        <translation>やり直す(&amp;R)</translation>
    </message>
    <message>
        <source>None yet</source>
        <translation>まだありません</translation>
    </message>
    <message>
        <source>Clear this list</source>
        <translation>一覧を消去</translation>
    </message>
    <message>
        <source>&lt;b&gt;Caddie&lt;/b&gt;&lt;p&gt;Choose an optimizer for sd-scripts, set it up without mistakes, and see what it really does.&lt;/p&gt;&lt;p&gt;Nothing leaves your machine.&lt;/p&gt;&lt;p&gt;Data: {folder}&lt;/p&gt;</source>
        <translation>&lt;b&gt;Caddie&lt;/b&gt;&lt;p&gt;sd-scripts のオプティマイザーを選び、間違いなく設定し、実際の動きを見るためのアプリです。&lt;/p&gt;&lt;p&gt;データがこのパソコンの外に送られることはありません。&lt;/p&gt;&lt;p&gt;データ: {folder}&lt;/p&gt;</translation>
    </message>
</context>
<context>
    <name>Navigation</name>
    <message>
        <source>Pick</source>
        <translation>選ぶ</translation>
    </message>
    <message>
        <source>Set up</source>
        <translation>設定</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>実行</translation>
    </message>
    <message>
        <source>Queue</source>
        <translation>キュー</translation>
    </message>
    <message>
        <source>History</source>
        <translation>履歴</translation>
    </message>
    <message>
        <source>Environment</source>
        <translation>環境</translation>
    </message>
</context>
<context>
    <name>Notes</name>
    <message>
        <source>Choose sd-scripts folder …</source>
        <translation>sd-scripts のフォルダーを選ぶ…</translation>
    </message>
</context>
<context>
    <name>NoticeBar</name>
    <message>
        <source>Close this message</source>
        <translation>このメッセージを閉じる</translation>
    </message>
    <message>
        <source>{count} more</source>
        <translation>ほか {count} 件</translation>
    </message>
</context>
<context>
    <name>OptimizerCard</name>
    <message>
        <source>Use</source>
        <translation>使う</translation>
    </message>
    <message>
        <source>The open job uses it.</source>
        <translation>開いているジョブで使用中です。</translation>
    </message>
    <message>
        <source>Enter in the table does the same.</source>
        <translation>表で Enter キーを押しても選べます。</translation>
    </message>
    <message>
        <source>When to pick it</source>
        <translation>こんなときに</translation>
    </message>
    <message>
        <source>Cautions</source>
        <translation>注意</translation>
    </message>
    <message>
        <source>Tips</source>
        <translation>ヒント</translation>
    </message>
    <message>
        <source>Start from</source>
        <translation>最初の値</translation>
    </message>
    <message>
        <source>Scheduler: sd-scripts ignores it.</source>
        <translation>スケジューラ: sd-scripts では無視されます。</translation>
    </message>
    <message>
        <source>Scheduler: {names}.</source>
        <translation>スケジューラ: {names}。</translation>
    </message>
    <message>
        <source>Learning rate and scheduler</source>
        <translation>学習率とスケジューラ</translation>
    </message>
    <message>
        <source>Nothing: it comes with PyTorch or sd-scripts.</source>
        <translation>不要です。PyTorch か sd-scripts に含まれています。</translation>
    </message>
    <message>
        <source>Show in Environment</source>
        <translation>環境ページで見る</translation>
    </message>
    <message>
        <source>What it needs</source>
        <translation>要インストール</translation>
    </message>
    <message>
        <source>advised {version}</source>
        <translation>推奨 {version}</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>コピー</translation>
    </message>
    <message>
        <source>Other options</source>
        <translation>その他のオプション</translation>
    </message>
    <message>
        <source>Also written: {names}</source>
        <translation>別の書き方: {names}</translation>
    </message>
    <message>
        <source>Not to be written: {names}</source>
        <translation>使えない書き方: {names}</translation>
    </message>
    <message>
        <source>On the command line</source>
        <translation>オプション入力</translation>
    </message>
    <message>
        <source>{bytes} bytes per parameter: about {amount} MB for a LoRA of 20 million parameters.</source>
        <translation>1 パラメータあたり {bytes} バイト。2000 万パラメータの LoRA で約 {amount} MB です。</translation>
    </message>
    <message>
        <source>It can only be used with a CUDA device.</source>
        <translation>CUDA デバイスでのみ使えます。</translation>
    </message>
    <message>
        <source>Memory of its state</source>
        <translation>状態のメモリ</translation>
    </message>
    <message>
        <source>sd-scripts writes to TensorBoard: {tags}</source>
        <translation>sd-scripts が TensorBoard に記録するもの: {tags}</translation>
    </message>
    <message>
        <source>What is logged</source>
        <translation>ログに残るもの</translation>
    </message>
    <message>
        <source>Home page</source>
        <translation>HP</translation>
    </message>
    <message>
        <source>Background</source>
        <translation>背景技術</translation>
    </message>
    <message>
        <source>Low precision</source>
        <translation>低精度適応</translation>
    </message>
    <message>
        <source>In sd-scripts since</source>
        <translation>sd-scripts の対応時期</translation>
    </message>
    <message>
        <source>Facts and links</source>
        <translation>情報とリンク</translation>
    </message>
    <message>
        <source>Use {0}</source>
        <translation>{0} を使う</translation>
    </message>
    <message>
        <source>Fast implementation: on</source>
        <translation>高速実装: オン</translation>
    </message>
    <message>
        <source>Fast implementation: off</source>
        <translation>高速実装: オフ</translation>
    </message>
    <message>
        <source>Hand over the loss: on</source>
        <translation>loss を渡す: オン</translation>
    </message>
    <message>
        <source>Hand over the loss: off</source>
        <translation>loss を渡す: オフ</translation>
    </message>
    <message>
        <source>Reset all arguments</source>
        <translation>すべての引数を既定値に戻す</translation>
    </message>
    <message>
        <source>Add {0}</source>
        <translation>{0} の追加</translation>
    </message>
    <message>
        <source>Use the starting learning rate of {0}</source>
        <translation>{0} の最初の学習率を使う</translation>
    </message>
    <message>
        <source>Read its arguments</source>
        <translation>引数を読み取る</translation>
    </message>
    <message>
        <source>Choose an environment</source>
        <translation>環境を選ぶ</translation>
    </message>
    <message>
        <source>Caddie&apos;s catalogue does not know this class. With an environment, its arguments can be read from it.</source>
        <translation>Caddie のカタログにないクラスです。環境を選ぶと、そこから引数を読み取れます。</translation>
    </message>
    <message>
        <source>Reading the arguments of {0} …</source>
        <translation>{0} の引数を読み取っています…</translation>
    </message>
    <message>
        <source>Its arguments could not be read: {0}</source>
        <translation>引数を読み取れませんでした: {0}</translation>
    </message>
    <message>
        <source>A class of your own: arguments and defaults as {0} declares them.</source>
        <translation>カスタムクラスです。引数と既定値は {0} の定義のとおりです。</translation>
    </message>
    <message>
        <source>Caddie&apos;s catalogue does not know this class.</source>
        <translation>Caddie のカタログにないクラスです。</translation>
    </message>
    <message>
        <source>Optimizer</source>
        <translation>オプティマイザー</translation>
    </message>
    <message>
        <source>Compare all</source>
        <translation>早見表で比べる</translation>
    </message>
    <message>
        <source>Reset all</source>
        <translation>すべて既定値に戻す</translation>
    </message>
    <message>
        <source>All arguments back to the optimizer&apos;s own defaults</source>
        <translation>すべての引数を、オプティマイザー本来の既定値に戻します</translation>
    </message>
</context>
<context>
    <name>OptimizerColumns</name>
    <message>
        <source>Category</source>
        <translation>カテゴリ</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>LR method</source>
        <translation>Lr方式</translation>
    </message>
    <message>
        <source>Start LR</source>
        <translation>最初のLr</translation>
    </message>
    <message>
        <source>Install state</source>
        <translation>インストール状態</translation>
    </message>
    <message>
        <source>State memory</source>
        <translation>状態メモリ</translation>
    </message>
    <message>
        <source>State, measured</source>
        <translation>状態メモリ (実測)</translation>
    </message>
    <message>
        <source>Step time (AdamW = 1)</source>
        <translation>ステップ時間 (AdamW = 1)</translation>
    </message>
    <message>
        <source>To install</source>
        <translation>要インストール</translation>
    </message>
    <message>
        <source>Other options</source>
        <translation>その他</translation>
    </message>
    <message>
        <source>Scheduler</source>
        <translation>スケジューラ</translation>
    </message>
    <message>
        <source>In sd-scripts since</source>
        <translation>sd-scripts の対応時期</translation>
    </message>
    <message>
        <source>Background</source>
        <translation>背景技術</translation>
    </message>
    <message>
        <source>Low precision</source>
        <translation>低精度適応</translation>
    </message>
    <message>
        <source>Home page</source>
        <translation>HP</translation>
    </message>
    <message>
        <source>The family; sorting by it gives the order of the reference table.</source>
        <translation>系統です。この列で並べ替えると早見表の順序になります。</translation>
    </message>
    <message>
        <source>The optimizer. A bar marks the one that the open job uses.</source>
        <translation>オプティマイザーの名称です。開いているジョブで使用中のものには縦線が付きます。</translation>
    </message>
    <message>
        <source>Who sets the learning rate: you, you and the optimizer (d × LR), or the optimizer.</source>
        <translation>学習率を誰が決めるかです。自分 (手動型)、自分とオプティマイザー (半自動型、d × Lr)、オプティマイザー (自動型) のいずれかです。</translation>
    </message>
    <message>
        <source>What to put into the learning rate to begin with; the card says why.</source>
        <translation>学習率の最初の値です。理由はカードに書いてあります。</translation>
    </message>
    <message>
        <source>Whether the selected environment can use it.</source>
        <translation>選択中の環境で使えるかどうかです。</translation>
    </message>
    <message>
        <source>Optimizer state in bytes for each trained parameter.</source>
        <translation>学習するパラメータ 1 つあたりの、オプティマイザーの状態のバイト数です。</translation>
    </message>
    <message>
        <source>Bytes of optimizer state for each parameter, measured; a cell says on what device.</source>
        <translation>パラメータ 1 個あたりの状態のバイト数の実測値です。測定したデバイスはセルに表示されます。</translation>
    </message>
    <message>
        <source>Time of one optimizer step, measured, as a multiple of torch&apos;s AdamW; a cell says on what device. Forward and backward pass are not in it.</source>
        <translation>オプティマイザーの 1 ステップの実測時間で、torch の AdamW に対する倍率です。順伝播と逆伝播は含みません。測定したデバイスはセルに表示されます。</translation>
    </message>
    <message>
        <source>Python packages that it needs.</source>
        <translation>必要な Python パッケージです。</translation>
    </message>
    <message>
        <source>What is given to --optimizer_type.</source>
        <translation>--optimizer_type に指定する値です。</translation>
    </message>
    <message>
        <source>Arguments that the reference text names as needed.</source>
        <translation>参考文献が必要としている引数です。</translation>
    </message>
    <message>
        <source>Other options that belong to it.</source>
        <translation>あわせて使うその他のオプションです。</translation>
    </message>
    <message>
        <source>Whether sd-scripts ignores --lr_scheduler for it.</source>
        <translation>sd-scripts が --lr_scheduler を無視するかどうかです。</translation>
    </message>
    <message>
        <source>The version of sd-scripts that first supported it.</source>
        <translation>sd-scripts が対応した時期です。</translation>
    </message>
    <message>
        <source>The paper or idea behind it.</source>
        <translation>もとになった論文や考え方です。</translation>
    </message>
    <message>
        <source>How it fits training in low precision.</source>
        <translation>低精度での学習に向いているかどうかです。</translation>
    </message>
    <message>
        <source>Where its program lives; the card has the links.</source>
        <translation>ソースプログラムの場所です。リンクはカードにあります。</translation>
    </message>
    <message>
        <source>no information</source>
        <translation>情報なし</translation>
    </message>
    <message>
        <source>not needed</source>
        <translation>不要</translation>
    </message>
    <message>
        <source>{bytes} B/param</source>
        <translation>{bytes} B/個</translation>
    </message>
    <message>
        <source>ignored</source>
        <translation>無視</translation>
    </message>
    <message>
        <source>used</source>
        <translation>有効</translation>
    </message>
    <message>
        <source>The reference text says nothing about it.</source>
        <translation>参考文献に記載がありません。</translation>
    </message>
    <message>
        <source>not measured</source>
        <translation>未測定</translation>
    </message>
    <message>
        <source>Fast implementation: {number}</source>
        <translation>高速実装: {number}</translation>
    </message>
    <message>
        <source>fast {number}</source>
        <translation>高速 {number}</translation>
    </message>
    <message>
        <source>{name} (CPU, threads: {threads})</source>
        <translation>{name} (CPU、スレッド数 {threads})</translation>
    </message>
    <message>
        <source>{name} (GPU)</source>
        <translation>{name} (GPU)</translation>
    </message>
    <message>
        <source>Measured {date} on {device}, torch {torch}: {set}, {tensors} tensors, {parameters} M parameters.</source>
        <translation>{date} に {device}、torch {torch} で測定: {set}、テンソル {tensors} 個、{parameters} M パラメータ。</translation>
    </message>
</context>
<context>
    <name>OptimizerNotes</name>
    <message>
        <source>Show fewer</source>
        <translation>折りたたむ</translation>
    </message>
    <message>
        <source>Show {0} more</source>
        <translation>ほか {0} 件を表示</translation>
    </message>
    <message>
        <source>Learning rate to start from: {0}.</source>
        <translation>最初の学習率は {0} です。</translation>
    </message>
    <message>
        <source>{0} is set and counts instead for its part.</source>
        <translation>{0} が指定されているため、その部分ではそちらの値が使われます。</translation>
    </message>
    <message>
        <source>Use {0}</source>
        <translation>{0} を使う</translation>
    </message>
    <message>
        <source>Scheduler: {0}</source>
        <translation>スケジューラ: {0}</translation>
    </message>
</context>
<context>
    <name>OptimizerPicker</name>
    <message>
        <source>Optimizer</source>
        <translation>オプティマイザー</translation>
    </message>
    <message>
        <source>name, or dotted path of a class</source>
        <translation>名称またはクラスのパス</translation>
    </message>
</context>
<context>
    <name>OptimizerSwitches</name>
    <message>
        <source>Caddie&apos;s own {0}: the same numbers as {1}, in less time per step.</source>
        <translation>Caddie 独自の {0} を使います。{1} と同じ数値になり、1 ステップの時間が短くなります。</translation>
    </message>
    <message>
        <source>The training needs Caddie&apos;s folder where it is; it loads this one package from there.</source>
        <translation>学習時に Caddie のフォルダーからこのパッケージだけを読み込むため、フォルダーは移動しないでください。</translation>
    </message>
    <message>
        <source>sd-scripts never tells this optimizer the loss that it steers by. Switched on, Caddie&apos;s companion hands it the loss of each step: the mean of its micro-batches.</source>
        <translation>sd-scripts は、このオプティマイザーの調整の手がかりとなる loss を渡しません。オンにすると、Caddie のコンパニオンが各ステップの loss (勾配累積では平均) を渡します。</translation>
    </message>
    <message>
        <source>The training becomes another one than sd-scripts alone would do: a learning rate that suited it before may not suit it any more.</source>
        <translation>sd-scripts だけで実行した場合とは異なる学習になります。これまで適切だった学習率が合わなくなることがあります。</translation>
    </message>
    <message>
        <source>Fast implementation</source>
        <translation>高速実装</translation>
    </message>
    <message>
        <source>Hand over the loss</source>
        <translation>loss を渡す</translation>
    </message>
</context>
<context>
    <name>OptimizerTab</name>
    <message>
        <source>Install state of every optimizer</source>
        <translation>全オプティマイザーのインストール状態</translation>
    </message>
    <message>
        <source>{ready} of {count} ready</source>
        <translation>{count} 種類中 {ready} 種類が使用可能</translation>
    </message>
    <message>
        <source>Install what {name} needs</source>
        <translation>{name} に必要なものをインストール</translation>
    </message>
    <message>
        <source>Install all missing ({count})</source>
        <translation>不足分をすべてインストール ({count})</translation>
    </message>
</context>
<context>
    <name>OptimizerTable</name>
    <message>
        <source>Optimizer</source>
        <translation>オプティマイザー</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状態</translation>
    </message>
    <message>
        <source>Why</source>
        <translation>理由</translation>
    </message>
</context>
<context>
    <name>OptimizerView</name>
    <message>
        <source>All columns, usual order</source>
        <translation>すべての列を標準の順序で表示</translation>
    </message>
</context>
<context>
    <name>OptionDelegate</name>
    <message>
        <source>Change {0}</source>
        <translation>{0} の変更</translation>
    </message>
</context>
<context>
    <name>OtherArguments</name>
    <message>
        <source>Other arguments</source>
        <translation>その他の引数</translation>
    </message>
    <message>
        <source>Arguments</source>
        <translation>引数</translation>
    </message>
    <message>
        <source>name</source>
        <translation>名前</translation>
    </message>
    <message>
        <source>value, as Python writes it: 0.01, True, (0.9, 0.99), &apos;text&apos;</source>
        <translation>Python の書き方の値: 0.01、True、(0.9, 0.99)、&apos;text&apos;</translation>
    </message>
    <message>
        <source>Name of the new argument</source>
        <translation>追加する引数の名前</translation>
    </message>
    <message>
        <source>Value of the new argument</source>
        <translation>追加する引数の値</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>追加</translation>
    </message>
    <message>
        <source>Add another argument</source>
        <translation>引数を追加</translation>
    </message>
    <message>
        <source>This optimizer does not take these in its newest version: unless yours does, sd-scripts stops after loading the model.</source>
        <translation>最新版のこのオプティマイザーにはない引数です。お使いの版が対応していなければ、sd-scripts はモデルの読み込み後に停止します。</translation>
    </message>
    <message>
        <source>{0}: did you mean {1}?</source>
        <translation>{0}: {1} のことですか?</translation>
    </message>
</context>
<context>
    <name>OutcomeCard</name>
    <message>
        <source>What it means: {text}</source>
        <translation>意味: {text}</translation>
    </message>
    <message>
        <source>What to do: {text}</source>
        <translation>対処: {text}</translation>
    </message>
    <message>
        <source>Show in folder</source>
        <translation>フォルダーで表示</translation>
    </message>
    <message>
        <source>Show {name} in its folder</source>
        <translation>{name} をフォルダーで表示</translation>
    </message>
    <message>
        <source>Steps: {n}</source>
        <translation>ステップ数: {n}</translation>
    </message>
    <message>
        <source>Last lines of the log</source>
        <translation>ログの最後の部分</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
</context>
<context>
    <name>PackageTable</name>
    <message>
        <source>Package</source>
        <translation>パッケージ</translation>
    </message>
    <message>
        <source>Wanted</source>
        <translation>必要</translation>
    </message>
    <message>
        <source>Found</source>
        <translation>現在</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状態</translation>
    </message>
    <message>
        <source>For</source>
        <translation>用途</translation>
    </message>
    <message>
        <source>Absent</source>
        <translation>なし</translation>
    </message>
    <message>
        <source>Other version</source>
        <translation>別バージョン</translation>
    </message>
    <message>
        <source>Installed</source>
        <translation>インストール済み</translation>
    </message>
    <message>
        <source>{names} and {count} more</source>
        <translation>{names} ほか {count} 件</translation>
    </message>
</context>
<context>
    <name>PasteDialog</name>
    <message>
        <source>not set</source>
        <translation>未指定</translation>
    </message>
    <message>
        <source>removed</source>
        <translation>削除</translation>
    </message>
    <message>
        <source>Nothing would change.</source>
        <translation>変更はありません。</translation>
    </message>
    <message>
        <source>What would change ({0})</source>
        <translation>変更される内容 ({0})</translation>
    </message>
    <message>
        <source>Paste</source>
        <translation>貼り付け</translation>
    </message>
    <message>
        <source>Script</source>
        <translation>スクリプト</translation>
    </message>
    <message>
        <source>Optimizer</source>
        <translation>オプティマイザー</translation>
    </message>
    <message>
        <source>Argument</source>
        <translation>引数</translation>
    </message>
    <message>
        <source>Option</source>
        <translation>オプション</translation>
    </message>
    <message>
        <source>Paste optimizer arguments in any notation, a whole command line, a .bat, .sh or .ps1 script, TOML, or the settings of kohya_ss, LoRA_Easy_Training_Scripts or OneTrainer.</source>
        <translation>オプティマイザーの引数 (書き方は自由)、コマンドライン全体、.bat / .sh / .ps1 スクリプト、TOML、kohya_ss・LoRA_Easy_Training_Scripts・OneTrainer の設定を貼り付けられます。</translation>
    </message>
    <message>
        <source>Text to read</source>
        <translation>読み取るテキスト</translation>
    </message>
    <message>
        <source>Remove what the text does not mention</source>
        <translation>テキストにない設定を削除する</translation>
    </message>
    <message>
        <source>Apply</source>
        <translation>適用</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>Part</source>
        <translation>種類</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名前</translation>
    </message>
    <message>
        <source>Now</source>
        <translation>現在</translation>
    </message>
    <message>
        <source>Then</source>
        <translation>変更後</translation>
    </message>
</context>
<context>
    <name>PathEditor</name>
    <message>
        <source>Choose a folder</source>
        <translation>フォルダーを選択</translation>
    </message>
    <message>
        <source>Choose a file</source>
        <translation>ファイルを選択</translation>
    </message>
</context>
<context>
    <name>PickPage</name>
    <message>
        <source>Pick an optimizer</source>
        <translation>オプティマイザーを選ぶ</translation>
    </message>
    <message>
        <source>Columns</source>
        <translation>列</translation>
    </message>
    <message>
        <source>Copy the selected rows (Ctrl+C)</source>
        <translation>選択した行をコピー (Ctrl+C)</translation>
    </message>
    <message>
        <source>Optimizers</source>
        <translation>オプティマイザーの一覧</translation>
    </message>
    <message>
        <source>No optimizer fits</source>
        <translation>該当するオプティマイザーがありません</translation>
    </message>
    <message>
        <source>Nothing in the catalogue fits all of these filters.</source>
        <translation>すべての条件に合うものがカタログにありません。</translation>
    </message>
    <message>
        <source>Clear filters</source>
        <translation>条件をクリア</translation>
    </message>
    <message>
        <source>Use {name}</source>
        <translation>{name} を使う</translation>
    </message>
    <message>
        <source>{name} is set. Your learning rate {kept} was kept; {name} usually starts from {start}.</source>
        <translation>{name} を設定しました。指定済みの学習率 {kept} はそのままです。{name} では通常 {start} から始めます。</translation>
    </message>
    <message>
        <source>Set {start}</source>
        <translation>{start} にする</translation>
    </message>
    <message>
        <source>{name} is set, with the learning rate {rate} to start from.</source>
        <translation>{name} を設定し、学習率を最初の値 {rate} にしました。</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>元に戻す</translation>
    </message>
    <message>
        <source>{name} is set.</source>
        <translation>{name} を設定しました。</translation>
    </message>
    <message>
        <source>Change learning rate</source>
        <translation>学習率の変更</translation>
    </message>
    <message>
        <source>{total} optimizers</source>
        <translation>{total} 種類</translation>
    </message>
    <message>
        <source>{shown} of {total} optimizers</source>
        <translation>{total} 種類中 {shown} 種類</translation>
    </message>
</context>
<context>
    <name>PlotPanel</name>
    <message>
        <source>Latest: step {step}</source>
        <translation>最新: ステップ {step}</translation>
    </message>
    <message>
        <source>Step {step}</source>
        <translation>ステップ {step}</translation>
    </message>
    <message>
        <source>saved {name}</source>
        <translation>{name} を保存</translation>
    </message>
    <message>
        <source>sample {name}</source>
        <translation>サンプル画像 {name}</translation>
    </message>
    <message>
        <source>loss is not finite from here</source>
        <translation>ここから loss が有限ではありません</translation>
    </message>
    <message>
        <source>resumed here</source>
        <translation>ここから再開</translation>
    </message>
    <message>
        <source>off</source>
        <translation>なし</translation>
    </message>
    <message numerus="yes">
        <source>%n steps</source>
        <translation>
            <numerusform>%n ステップ</numerusform>
        </translation>
    </message>
    <message>
        <source>Smoothing</source>
        <translation>平滑化</translation>
    </message>
    <message>
        <source>Zero lag</source>
        <translation>遅れなし</translation>
    </message>
    <message>
        <source>Smooths in both directions, so that a bend stands where it happened. The newest part still changes.</source>
        <translation>前後両方向に平滑化し、変化が実際に起きた位置に表示されるようにします。最新の部分はまだ変わります。</translation>
    </message>
    <message>
        <source>Clip peaks</source>
        <translation>突出値を切る</translation>
    </message>
    <message>
        <source>Gives the room to the usual values; rare peaks leave the plot, and their number is told</source>
        <translation>普段の値に合わせて表示し、まれな突出値は枠の外に出します。その数は表示されます</translation>
    </message>
    <message>
        <source>Show all</source>
        <translation>全体を表示</translation>
    </message>
    <message>
        <source>Show the whole run and follow it (F)</source>
        <translation>実行全体を表示し、追従します (F)</translation>
    </message>
    <message>
        <source>PNG…</source>
        <translation>PNG…</translation>
    </message>
    <message>
        <source>Save both plots as a picture: PNG, or SVG by its ending</source>
        <translation>両方のグラフを画像として保存します。拡張子に応じて PNG または SVG になります</translation>
    </message>
    <message>
        <source>HTML…</source>
        <translation>HTML…</translation>
    </message>
    <message>
        <source>Save the run as one page that opens anywhere: curves, settings, samples, environment</source>
        <translation>実行を、どこでも開ける 1 つのページとして保存します (グラフ、設定、サンプル画像、環境)</translation>
    </message>
    <message>
        <source>CSV…</source>
        <translation>CSV…</translation>
    </message>
    <message>
        <source>Save all numbers of the run as a table</source>
        <translation>実行のすべての数値を表として保存します</translation>
    </message>
</context>
<context>
    <name>PlotSection</name>
    <message>
        <source>{count} values of 0 or less are not drawn on this scale</source>
        <translation>0 以下の値 {count} 個は、この軸では表示されません</translation>
    </message>
    <message>
        <source>{count} peaks reach over the edge</source>
        <translation>枠の外に出た突出値: {count}</translation>
    </message>
    <message>
        <source>Log scale</source>
        <translation>対数軸</translation>
    </message>
</context>
<context>
    <name>PreflightPlot</name>
    <message>
        <source>Learning rate</source>
        <translation>学習率</translation>
    </message>
    <message>
        <source>Effective step</source>
        <translation>実効ステップ</translation>
    </message>
    <message>
        <source>Loss</source>
        <translation>loss</translation>
    </message>
    <message>
        <source>default arguments</source>
        <translation>引数が初期値の場合</translation>
    </message>
    <message>
        <source>this job</source>
        <translation>このジョブ</translation>
    </message>
    <message>
        <source>No curves</source>
        <translation>曲線がありません</translation>
    </message>
    <message>
        <source>What the curves show</source>
        <translation>曲線の内容</translation>
    </message>
</context>
<context>
    <name>PreflightView</name>
    <message>
        <source>No environment has been chosen yet: Caddie does not know which Python trains.</source>
        <translation>環境がまだ選ばれていないため、どの Python で学習するか分かりません。</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>中止</translation>
    </message>
    <message>
        <source>Try it</source>
        <translation>テストする</translation>
    </message>
    <message>
        <source>Builds the optimizer in the Python that will train, by the trainer&apos;s own code and with the job&apos;s arguments, takes two steps on tensors of the LoRA&apos;s shapes, and draws what it would do on a small problem. No model is loaded; it takes a few seconds.</source>
        <translation>学習に使う Python で、実際の学習コードとジョブの引数からオプティマイザーを作成し、LoRA と同じ形のテンソルで 2 ステップ進めます。さらに、小さな問題での動作を曲線で示します。モデルは読み込まないため、数秒で終わります。</translation>
    </message>
    <message>
        <source>The job has changed since.</source>
        <translation>テスト後にジョブが変更されています。</translation>
    </message>
    <message>
        <source>Try before each start</source>
        <translation>開始前に毎回テストする</translation>
    </message>
    <message>
        <source>A job that does not pass is not started, unless you insist. What has passed is not tried again.</source>
        <translation>不合格のジョブは、明示的に指示しない限り開始しません。合格済みの設定はもう一度テストしません。</translation>
    </message>
</context>
<context>
    <name>PresetDialogs</name>
    <message>
        <source>Save as preset</source>
        <translation>プリセットとして保存</translation>
    </message>
    <message>
        <source>Name of the preset:</source>
        <translation>プリセットの名前:</translation>
    </message>
    <message>
        <source>There is a preset “{name}” already. Replace it?</source>
        <translation>「{name}」という名前のプリセットが既にあります。置き換えますか?</translation>
    </message>
    <message>
        <source>Presets (*.toml)</source>
        <translation>プリセット (*.toml)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>すべてのファイル (*)</translation>
    </message>
    <message>
        <source>Import a preset</source>
        <translation>プリセットの取り込み</translation>
    </message>
</context>
<context>
    <name>PresetsButton</name>
    <message>
        <source>Presets</source>
        <translation>プリセット</translation>
    </message>
    <message>
        <source>Optimizer, arguments, scheduler and learning rates, for any job</source>
        <translation>オプティマイザー、引数、スケジューラ、学習率をまとめて保存し、ほかのジョブでも使えます</translation>
    </message>
    <message>
        <source>Save as preset…</source>
        <translation>プリセットとして保存…</translation>
    </message>
    <message>
        <source>Apply preset</source>
        <translation>プリセットを適用</translation>
    </message>
    <message>
        <source>Import a preset…</source>
        <translation>プリセットを取り込む…</translation>
    </message>
    <message>
        <source>Open the folder of presets</source>
        <translation>プリセットのフォルダーを開く</translation>
    </message>
    <message>
        <source>Reading …</source>
        <translation>読み込み中…</translation>
    </message>
    <message>
        <source>None yet</source>
        <translation>まだありません</translation>
    </message>
    <message>
        <source>Preset {name}</source>
        <translation>プリセット「{name}」</translation>
    </message>
    <message>
        <source>The job says the same as the preset already.</source>
        <translation>ジョブの設定は、既にプリセットと同じです。</translation>
    </message>
    <message>
        <source>Not taken from the preset, which never touches it: {0}</source>
        <translation>プリセットの対象外のため取り込みませんでした: {0}</translation>
    </message>
    <message>
        <source>Preset saved: {name} ({path})</source>
        <translation>プリセットを保存しました: {name} ({path})</translation>
    </message>
</context>
<context>
    <name>ProblemsCard</name>
    <message>
        <source>“{name}” cannot be started yet</source>
        <translation>「{name}」はまだ開始できません</translation>
    </message>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>ほか %n 件</numerusform>
        </translation>
    </message>
    <message>
        <source>Install the training packages</source>
        <translation>学習用パッケージをインストール</translation>
    </message>
    <message>
        <source>Go to {page}</source>
        <translation>{page}ページを開く</translation>
    </message>
    <message>
        <source>Run it with sd-scripts instead</source>
        <translation>代わりに sd-scripts で実行</translation>
    </message>
    <message>
        <source>Start anyway</source>
        <translation>それでも開始する</translation>
    </message>
    <message>
        <source>The optimizer was tried and did not pass; the training will most likely fail too.</source>
        <translation>事前テストでオプティマイザーが不合格でした。学習も失敗する可能性が高いです。</translation>
    </message>
    <message>
        <source>This job cannot be started yet</source>
        <translation>このジョブはまだ開始できません</translation>
    </message>
</context>
<context>
    <name>ProgressSheet</name>
    <message>
        <source>done</source>
        <translation>完了</translation>
    </message>
    <message>
        <source>was done before</source>
        <translation>前回完了</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>失敗</translation>
    </message>
    <message>
        <source>at work …</source>
        <translation>実行中…</translation>
    </message>
    <message>
        <source>Commands and what they print</source>
        <translation>コマンドと出力</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>進み具合</translation>
    </message>
</context>
<context>
    <name>QueueAdding</name>
    <message>
        <source>Untitled job</source>
        <translation>無題のジョブ</translation>
    </message>
    <message>
        <source>“{name}” was not added to the queue: {why}</source>
        <translation>「{name}」をキューに追加しませんでした: {why}</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>表示</translation>
    </message>
    <message numerus="yes">
        <source>%n jobs were added to the queue.</source>
        <translation>
            <numerusform>%n 件のジョブをキューに追加しました。</numerusform>
        </translation>
    </message>
    <message>
        <source>“{name}” was added to the queue.</source>
        <translation>「{name}」をキューに追加しました。</translation>
    </message>
    <message>
        <source>Show the queue</source>
        <translation>キューを表示</translation>
    </message>
    <message>
        <source>The queue&apos;s files cannot be written: {reason}</source>
        <translation>キューのファイルに書き込めません: {reason}</translation>
    </message>
    <message>
        <source>This job waits in the queue. Saving it (Ctrl+S) changes it there.</source>
        <translation>キューで待機中のジョブです。保存 (Ctrl+S) するとキューのジョブが変わります。</translation>
    </message>
    <message>
        <source>Back to the queue</source>
        <translation>キューに戻る</translation>
    </message>
</context>
<context>
    <name>QueueDialogs</name>
    <message>
        <source>Job files (*.toml)</source>
        <translation>ジョブファイル (*.toml)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>すべてのファイル (*)</translation>
    </message>
    <message>
        <source>Add job files</source>
        <translation>ジョブファイルを追加</translation>
    </message>
    <message>
        <source>Batch file (*.bat)</source>
        <translation>バッチファイル (*.bat)</translation>
    </message>
    <message>
        <source>PowerShell script (*.ps1)</source>
        <translation>PowerShell スクリプト (*.ps1)</translation>
    </message>
    <message>
        <source>Shell script (*.sh)</source>
        <translation>シェルスクリプト (*.sh)</translation>
    </message>
    <message>
        <source>Export the queue</source>
        <translation>キューを書き出す</translation>
    </message>
</context>
<context>
    <name>QueueHeader</name>
    <message>
        <source>Queue</source>
        <translation>キュー</translation>
    </message>
    <message>
        <source>Go on</source>
        <translation>再開</translation>
    </message>
    <message>
        <source>Start the queue</source>
        <translation>キューを開始</translation>
    </message>
    <message>
        <source>Train what waits, one after the other. The queue goes on when this window is closed.</source>
        <translation>待機中のジョブを順番に学習します。ウィンドウを閉じてもキューは続きます。</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>一時停止</translation>
    </message>
    <message>
        <source>Start nothing more; what trains goes on</source>
        <translation>次のジョブを開始しません。学習中のジョブは続きます</translation>
    </message>
    <message>
        <source>Add the open job</source>
        <translation>開いているジョブを追加</translation>
    </message>
    <message>
        <source>Put a copy of the open job at the end; later edits do not change it</source>
        <translation>開いているジョブの控えを末尾に追加します。その後の編集は反映されません</translation>
    </message>
    <message>
        <source>Add files…</source>
        <translation>ファイルを追加…</translation>
    </message>
    <message>
        <source>Put copies of several job files at the end</source>
        <translation>複数のジョブファイルの控えを末尾に追加します</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>書き出す…</translation>
    </message>
    <message>
        <source>Write all that waits as one .bat, .ps1 or .sh</source>
        <translation>待機中のすべてのジョブを 1 つの .bat、.ps1、.sh に書き出します</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>一時停止中</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>実行中</translation>
    </message>
    <message>
        <source>Not running</source>
        <translation>停止中</translation>
    </message>
    <message>
        <source>Empty</source>
        <translation>空</translation>
    </message>
    <message>
        <source>Nothing waits</source>
        <translation>待機なし</translation>
    </message>
</context>
<context>
    <name>QueuePage</name>
    <message>
        <source>“{name}” was removed from the queue.</source>
        <translation>「{name}」をキューから削除しました。</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>元に戻す</translation>
    </message>
    <message>
        <source>queue</source>
        <translation>queue</translation>
    </message>
    <message numerus="yes">
        <source>%n jobs were written to {path}.</source>
        <translation>
            <numerusform>%n 件のジョブを {path} に書き出しました。</numerusform>
        </translation>
    </message>
    <message>
        <source>Nothing on this system opens it: {path}</source>
        <translation>開くためのプログラムがありません: {path}</translation>
    </message>
    <message>
        <source>Jobs in the queue, the next one first</source>
        <translation>キューのジョブ (次に実行するものが先頭)</translation>
    </message>
    <message>
        <source>Nothing is in the queue</source>
        <translation>キューにジョブはありません</translation>
    </message>
    <message>
        <source>Jobs that are added here train one after the other, one on each GPU. The queue goes on when this window is closed, and is still here after a restart of the computer; then nothing starts before you say so. Add the open job, or drop job files here.</source>
        <translation>ここに追加したジョブは、GPU ごとに 1 件ずつ順番に学習します。ウィンドウを閉じてもキューは続き、パソコンを再起動しても残ります (再起動後は、開始を指示するまで何も始まりません)。開いているジョブを追加するか、ジョブファイルをここにドロップしてください。</translation>
    </message>
    <message>
        <source>Add the open job</source>
        <translation>開いているジョブを追加</translation>
    </message>
</context>
<context>
    <name>QueueTable</name>
    <message>
        <source>all</source>
        <translation>すべて</translation>
    </message>
    <message>
        <source>Built-in trainer</source>
        <translation>内蔵トレーナー</translation>
    </message>
    <message>
        <source>damaged</source>
        <translation>破損</translation>
    </message>
    <message>
        <source>{state}, then pause</source>
        <translation>{state} → 一時停止</translation>
    </message>
    <message>
        <source>The queue pauses when this one is over.</source>
        <translation>このジョブが終わると、キューは一時停止します。</translation>
    </message>
    <message>
        <source>Job</source>
        <translation>ジョブ</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状態</translation>
    </message>
    <message>
        <source>Optimizer</source>
        <translation>オプティマイザー</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>ステップ</translation>
    </message>
    <message>
        <source>Time left</source>
        <translation>残り時間</translation>
    </message>
    <message>
        <source>GPU</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>Environment</source>
        <translation>環境</translation>
    </message>
</context>
<context>
    <name>RaceDialog</name>
    <message>
        <source>Write the report</source>
        <translation>レポートを書き出す</translation>
    </message>
    <message>
        <source>Starting …</source>
        <translation>開始しています…</translation>
    </message>
    <message numerus="yes">
        <source>Start %n training(s)</source>
        <translation>
            <numerusform>%n 件の学習を開始</numerusform>
        </translation>
    </message>
    <message>
        <source>Race of optimizers</source>
        <translation>オプティマイザーの比較レース</translation>
    </message>
    <message>
        <source>Which optimizer suits these images?</source>
        <translation>この画像に合うオプティマイザーは?</translation>
    </message>
    <message>
        <source>The open job is trained with each, one after the other or one on each GPU, also when this window is closed.</source>
        <translation>開いているジョブを各オプティマイザーで順番に (GPU が複数あれば 1 枚ずつ) 学習します。ウィンドウを閉じても続きます。</translation>
    </message>
    <message>
        <source>New</source>
        <translation>新規</translation>
    </message>
    <message>
        <source>Standings</source>
        <translation>順位</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
</context>
<context>
    <name>RaceStandings</name>
    <message>
        <source>No training of this race has told anything yet.</source>
        <translation>このレースの学習はまだ記録がありません。</translation>
    </message>
    <message>
        <source>Go on</source>
        <translation>再開</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>一時停止</translation>
    </message>
    <message>
        <source>Starts no further training; what trains goes on to its end.</source>
        <translation>新しい学習を始めません。実行中の学習は最後まで続きます。</translation>
    </message>
    <message>
        <source>over</source>
        <translation>終了</translation>
    </message>
    <message>
        <source>{done} of {all} done</source>
        <translation>{all} 件中 {done} 件完了</translation>
    </message>
    <message>
        <source>Optimizer</source>
        <translation>オプティマイザー</translation>
    </message>
    <message>
        <source>Validation loss</source>
        <translation>検証 loss</translation>
    </message>
    <message>
        <source>Loss at the end</source>
        <translation>最終 loss</translation>
    </message>
    <message>
        <source>Steps/s</source>
        <translation>ステップ/秒</translation>
    </message>
    <message>
        <source>Peak memory</source>
        <translation>最大メモリ</translation>
    </message>
    <message>
        <source>Finished</source>
        <translation>完了</translation>
    </message>
    <message>
        <source>Standings</source>
        <translation>順位</translation>
    </message>
    <message>
        <source>Race</source>
        <translation>レース</translation>
    </message>
    <message>
        <source>Curves of</source>
        <translation>曲線</translation>
    </message>
    <message>
        <source>Loss, smoothed</source>
        <translation>loss (平滑化)</translation>
    </message>
    <message>
        <source>Write as a page …</source>
        <translation>ページに書き出す…</translation>
    </message>
</context>
<context>
    <name>Rail</name>
    <message>
        <source>Pages</source>
        <translation>ページ</translation>
    </message>
</context>
<context>
    <name>RateNote</name>
    <message>
        <source>Take the rate over…</source>
        <translation>学習率を引き継ぐ…</translation>
    </message>
    <message>
        <source>Close this message</source>
        <translation>このメッセージを閉じる</translation>
    </message>
</context>
<context>
    <name>RatesPlot</name>
    <message>
        <source>No learning rate has been reported yet</source>
        <translation>学習率の記録がまだありません</translation>
    </message>
    <message>
        <source>This run has told nothing of this</source>
        <translation>この実行にはこの値の記録がありません</translation>
    </message>
    <message>
        <source>Learning rate</source>
        <translation>学習率</translation>
    </message>
    <message>
        <source>Effective step</source>
        <translation>実効ステップ</translation>
    </message>
    <message>
        <source>Effective step / lr</source>
        <translation>実効ステップ / lr</translation>
    </message>
    <message>
        <source>d</source>
        <translation>d</translation>
    </message>
    <message>
        <source>Gradient norm before clipping</source>
        <translation>勾配ノルム (クリッピング前)</translation>
    </message>
    <message>
        <source>Seconds a step</source>
        <translation>1 ステップの秒数</translation>
    </message>
    <message>
        <source>Memory (GiB)</source>
        <translation>メモリ (GiB)</translation>
    </message>
    <message>
        <source>How far a step moved the weights: root mean square, measured</source>
        <translation>1 ステップで重みが動いた大きさ (二乗平均平方根の実測値)</translation>
    </message>
    <message>
        <source>What the lower plot shows</source>
        <translation>下のグラフに表示する値</translation>
    </message>
</context>
<context>
    <name>RecentRuns</name>
    <message>
        <source>No run yet</source>
        <translation>まだ実行がありません</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>実行</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状態</translation>
    </message>
    <message>
        <source>Optimizer</source>
        <translation>オプティマイザー</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>ステップ数</translation>
    </message>
    <message>
        <source>Started</source>
        <translation>開始日時</translation>
    </message>
    <message>
        <source>Former runs; Enter shows one</source>
        <translation>これまでの実行 (Enter キーで表示)</translation>
    </message>
</context>
<context>
    <name>RepairDialog</name>
    <message>
        <source>Everything is as it was then.</source>
        <translation>その時点から変わっていません。</translation>
    </message>
    <message>
        <source>Repair</source>
        <translation>修復</translation>
    </message>
    <message>
        <source>Looking for what is broken …</source>
        <translation>壊れているものを調べています…</translation>
    </message>
    <message>
        <source>This is broken</source>
        <translation>壊れているもの</translation>
    </message>
    <message>
        <source>Nothing is broken</source>
        <translation>壊れているものはありません</translation>
    </message>
    <message>
        <source>Bring packages back</source>
        <translation>パッケージを元に戻す</translation>
    </message>
    <message>
        <source>Mending</source>
        <translation>修復中</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>完了</translation>
    </message>
    <message>
        <source>It did not work</source>
        <translation>完了しませんでした</translation>
    </message>
    <message>
        <source>Run these commands</source>
        <translation>このコマンドを実行</translation>
    </message>
    <message>
        <source>Mend</source>
        <translation>修復する</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>中止</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>Packages as of</source>
        <translation>パッケージの時点</translation>
    </message>
    <message>
        <source>now</source>
        <translation>現在</translation>
    </message>
    <message>
        <source>Commands and what they print</source>
        <translation>コマンドと出力</translation>
    </message>
    <message>
        <source>The list of packages is kept first, so that all of it can be taken back.</source>
        <translation>最初にパッケージ一覧を保存するので、すべて元に戻せます。</translation>
    </message>
    <message>
        <source>Every package of an optimizer that is installed can be imported, and none is there twice.</source>
        <translation>入っているオプティマイザーのパッケージはすべてインポートでき、二重に入っているものもありません。</translation>
    </message>
    <message>
        <source>Exactly the versions of then are installed, and what came since goes. What is there now is kept first.</source>
        <translation>その時点のバージョンをそのまま入れ、その後に追加されたものは削除します。現在の一覧は最初に保存します。</translation>
    </message>
    <message>
        <source>The environment is being checked again.</source>
        <translation>環境をもう一度確認しています。</translation>
    </message>
</context>
<context>
    <name>RunAnnouncer</name>
    <message>
        <source>“{name}” is training</source>
        <translation>「{name}」を学習しています</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>表示</translation>
    </message>
</context>
<context>
    <name>RunDialogs</name>
    <message>
        <source>Stop without saving</source>
        <translation>保存せずに停止</translation>
    </message>
    <message>
        <source>“{name}” is still running. Start another run beside it?</source>
        <translation>「{name}」は実行中です。並行して別の実行を開始しますか?</translation>
    </message>
    <message>
        <source>Both share the GPU and its memory. The running one goes on; it stays in the list of runs.</source>
        <translation>GPU と VRAM を両方で分け合います。実行中の学習はそのまま続き、実行の一覧に残ります。</translation>
    </message>
    <message>
        <source>Start anyway</source>
        <translation>開始する</translation>
    </message>
    <message>
        <source>Nothing has been saved yet.</source>
        <translation>まだ何も保存されていません。</translation>
    </message>
    <message numerus="yes">
        <source>The last %n steps have not been saved.</source>
        <translation>
            <numerusform>最後の %n ステップ分はまだ保存されていません。</numerusform>
        </translation>
    </message>
    <message>
        <source>Stop the training?</source>
        <translation>学習を停止しますか?</translation>
    </message>
    <message>
        <source>Stop the training</source>
        <translation>学習を停止</translation>
    </message>
    <message>
        <source>Save and stop</source>
        <translation>保存して停止</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
</context>
<context>
    <name>RunExports</name>
    <message>
        <source>Save picture</source>
        <translation>画像を保存</translation>
    </message>
    <message>
        <source>Pictures (*.png *.svg)</source>
        <translation>画像 (*.png *.svg)</translation>
    </message>
    <message>
        <source>Save table</source>
        <translation>表を保存</translation>
    </message>
    <message>
        <source>Tables (*.csv)</source>
        <translation>表 (*.csv)</translation>
    </message>
    <message>
        <source>Save page</source>
        <translation>ページを保存</translation>
    </message>
    <message>
        <source>Pages (*.html)</source>
        <translation>ページ (*.html)</translation>
    </message>
    <message>
        <source>Saved {name}</source>
        <translation>{name} を保存しました</translation>
    </message>
</context>
<context>
    <name>RunHeader</name>
    <message>
        <source>Start</source>
        <translation>開始</translation>
    </message>
    <message>
        <source>Start the open job (F5)</source>
        <translation>開いているジョブを開始します (F5)</translation>
    </message>
    <message>
        <source>Start another</source>
        <translation>別の実行を開始</translation>
    </message>
    <message>
        <source>Start “{name}”</source>
        <translation>「{name}」を開始</translation>
    </message>
    <message>
        <source>Add to the queue</source>
        <translation>キューに追加</translation>
    </message>
    <message>
        <source>Train a copy of the open job after those that wait there</source>
        <translation>開いているジョブの控えを、待機中のジョブの後に学習します</translation>
    </message>
    <message>
        <source>Start the open job beside the running one</source>
        <translation>実行中の学習と並行して、開いているジョブを開始します</translation>
    </message>
    <message>
        <source>Starting …</source>
        <translation>開始しています…</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Stop the training (Shift+F5)</source>
        <translation>学習を停止します (Shift+F5)</translation>
    </message>
    <message>
        <source>End now</source>
        <translation>強制終了</translation>
    </message>
    <message>
        <source>Do not wait for the script: end all of its processes</source>
        <translation>スクリプトの終了を待たず、すべてのプロセスを終了します</translation>
    </message>
    <message>
        <source>Step</source>
        <translation>ステップ</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>速度</translation>
    </message>
    <message>
        <source>Elapsed</source>
        <translation>経過時間</translation>
    </message>
    <message>
        <source>Time left</source>
        <translation>残り時間</translation>
    </message>
    <message>
        <source>Peak memory</source>
        <translation>最大メモリ</translation>
    </message>
    <message>
        <source>Loss (smoothed)</source>
        <translation>loss (平滑化)</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>進行状況</translation>
    </message>
</context>
<context>
    <name>RunNote</name>
    <message>
        <source>{name} steers its learning rate by the loss, but is not told it in this run: sd-scripts does not hand it over. Caddie can do that, with the switch under the optimizer in Set up.</source>
        <translation>{name} は loss を見て学習率を調整しますが、sd-scripts は loss を渡さないため、この実行では loss なしで動いています。設定のオプティマイザーの下にあるスイッチで、Caddie から loss を渡せます。</translation>
    </message>
    <message>
        <source>To the switch</source>
        <translation>スイッチを開く</translation>
    </message>
    <message>
        <source>Close this message</source>
        <translation>このメッセージを閉じる</translation>
    </message>
</context>
<context>
    <name>RunPage</name>
    <message>
        <source>Nothing on this system opens it: {path}</source>
        <translation>開けるアプリがありません: {path}</translation>
    </message>
    <message>
        <source>Not ready</source>
        <translation>準備が必要</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>準備完了</translation>
    </message>
    <message>
        <source>Untitled job</source>
        <translation>無題のジョブ</translation>
    </message>
    <message>
        <source>Starting …</source>
        <translation>開始しています…</translation>
    </message>
    <message>
        <source>This takes some seconds. Loss, learning rate and d*lr appear here with the first step.</source>
        <translation>数秒かかります。最初のステップが終わると、loss、学習率、d*lr がここに表示されます。</translation>
    </message>
    <message>
        <source>The demo is ready</source>
        <translation>デモの準備ができました</translation>
    </message>
    <message>
        <source>Press Start at the top right. A small model then learns what a golf flag is, in about a minute on the processor, without any download. Loss, learning rate, d*lr and sample pictures appear here as it goes.</source>
        <translation>右上の「開始」を押してください。小さなモデルが、ゴルフの旗とは何かを CPU で 1 分ほどで学習します。ダウンロードは不要です。loss、学習率、d*lr、サンプル画像が、学習に合わせてここに表示されます。</translation>
    </message>
    <message>
        <source>Open the demo</source>
        <translation>デモを開く</translation>
    </message>
    <message>
        <source>Nothing has run yet</source>
        <translation>まだ何も実行していません</translation>
    </message>
    <message>
        <source>Change the engine</source>
        <translation>エンジンを変更</translation>
    </message>
    <message>
        <source>Start the open job, and loss, learning rate and d*lr appear here step by step, with the log below. To see all of it at work first, train the demo: a small model learns what a golf flag is, in about a minute on the processor, without any download.</source>
        <translation>開いているジョブを開始すると、loss・学習率・d*lr がここにステップごとに表示され、下にログが出ます。先に全体の動きを見るには、デモを学習してください。小さなモデルが「ゴルフの旗」を CPU で約 1 分で覚えます。ダウンロードは不要です。</translation>
    </message>
    <message>
        <source>No run is on show</source>
        <translation>表示中の実行はありません</translation>
    </message>
    <message>
        <source>Start the open job, or choose a former run from the list below.</source>
        <translation>開いているジョブを開始するか、下の一覧からこれまでの実行を選んでください。</translation>
    </message>
</context>
<context>
    <name>RunTabs</name>
    <message>
        <source>Log</source>
        <translation>ログ</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>実行</translation>
    </message>
</context>
<context>
    <name>Runs</name>
    <message>
        <source>Starting</source>
        <translation>起動中</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>学習中</translation>
    </message>
    <message>
        <source>Finished</source>
        <translation>完了</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>失敗</translation>
    </message>
    <message>
        <source>Lost</source>
        <translation>不明</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>一時停止中</translation>
    </message>
    <message>
        <source>Pausing</source>
        <translation>一時停止しています</translation>
    </message>
    <message>
        <source>Stopping: the script saves after its present step, then ends</source>
        <translation>停止中: 現在のステップの後に保存して、スクリプトが終了します</translation>
    </message>
    <message>
        <source>Stopping: the script ends itself after its present step</source>
        <translation>停止中: 現在のステップが終わるとスクリプトが終了します</translation>
    </message>
    <message>
        <source>Stopping: the script was interrupted</source>
        <translation>停止中: スクリプトに割り込みを送りました</translation>
    </message>
    <message>
        <source>Stopping: its processes were told to end</source>
        <translation>停止中: プロセスに終了を要求しました</translation>
    </message>
    <message>
        <source>Stopping: its processes are being killed</source>
        <translation>停止中: プロセスを強制終了しています</translation>
    </message>
    <message>
        <source>d*lr</source>
        <translation>d*lr</translation>
    </message>
    <message>
        <source>lr</source>
        <translation>lr</translation>
    </message>
    <message>
        <source>effective lr</source>
        <translation>実効 lr</translation>
    </message>
    <message>
        <source>{s} s</source>
        <translation>{s} 秒</translation>
    </message>
    <message>
        <source>{m} min {s:02d} s</source>
        <translation>{m} 分 {s:02d} 秒</translation>
    </message>
    <message>
        <source>{h} h {m:02d} min</source>
        <translation>{h} 時間 {m:02d} 分</translation>
    </message>
    <message>
        <source>{d} d {h} h</source>
        <translation>{d} 日 {h} 時間</translation>
    </message>
    <message>
        <source>{number} s/step</source>
        <translation>{number} 秒/ステップ</translation>
    </message>
    <message>
        <source>{number} steps/s</source>
        <translation>{number} ステップ/秒</translation>
    </message>
    <message>
        <source>Built-in trainer</source>
        <translation>内蔵トレーナー</translation>
    </message>
</context>
<context>
    <name>SampleModel</name>
    <message>
        <source>Other pictures</source>
        <translation>その他の画像</translation>
    </message>
    <message>
        <source>Prompt {number}</source>
        <translation>プロンプト {number}</translation>
    </message>
    <message>
        <source>seed {seed}</source>
        <translation>シード {seed}</translation>
    </message>
    <message>
        <source>Epoch {epoch}</source>
        <translation>エポック {epoch}</translation>
    </message>
    <message>
        <source>Step {step}</source>
        <translation>ステップ {step}</translation>
    </message>
</context>
<context>
    <name>SamplePanel</name>
    <message>
        <source>Enlarge</source>
        <translation>拡大表示</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>開く</translation>
    </message>
    <message>
        <source>Show in folder</source>
        <translation>フォルダーに表示</translation>
    </message>
    <message>
        <source>Copy picture</source>
        <translation>画像をコピー</translation>
    </message>
    <message>
        <source>Copy path</source>
        <translation>パスをコピー</translation>
    </message>
    <message>
        <source>Nothing on this system opens it: {path}</source>
        <translation>開けるプログラムがありません: {path}</translation>
    </message>
    <message>
        <source>This picture cannot be read: {path}</source>
        <translation>この画像は読み込めません: {path}</translation>
    </message>
    <message>
        <source>Samples ({count})</source>
        <translation>サンプル画像 ({count})</translation>
    </message>
    <message>
        <source>Samples</source>
        <translation>サンプル画像</translation>
    </message>
    <message>
        <source>No sample pictures</source>
        <translation>サンプル画像はありません</translation>
    </message>
    <message>
        <source>They show better than any number how good a training is. Name a file of prompts in Set up (sample_prompts), and how often to draw them (sample_every_n_steps or sample_every_n_epochs).</source>
        <translation>学習の出来は、どの数値よりもサンプル画像でよく分かります。設定でプロンプトのファイル (sample_prompts) と生成の間隔 (sample_every_n_steps または sample_every_n_epochs) を指定してください。</translation>
    </message>
    <message>
        <source>No sample picture yet</source>
        <translation>サンプル画像はまだありません</translation>
    </message>
    <message numerus="yes">
        <source>The job draws them every %n epochs.</source>
        <translation>
            <numerusform>%n エポックごとに生成されます。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The job draws them every %n steps.</source>
        <translation>
            <numerusform>%n ステップごとに生成されます。</numerusform>
        </translation>
    </message>
    <message>
        <source>The job draws them before the first step only.</source>
        <translation>最初のステップの前にだけ生成されます。</translation>
    </message>
    <message>
        <source>Sample prompts in Set up</source>
        <translation>設定のサンプルプロンプト</translation>
    </message>
    <message>
        <source>Sample pictures</source>
        <translation>サンプル画像</translation>
    </message>
</context>
<context>
    <name>SampleViewer</name>
    <message>
        <source>Sample picture</source>
        <translation>サンプル画像</translation>
    </message>
    <message>
        <source>This picture cannot be read</source>
        <translation>この画像は読み込めません</translation>
    </message>
    <message>
        <source>Earlier step (Left)</source>
        <translation>前のステップ (←)</translation>
    </message>
    <message>
        <source>Later step (Right)</source>
        <translation>次のステップ (→)</translation>
    </message>
</context>
<context>
    <name>SeedEditor</name>
    <message>
        <source>A number by chance</source>
        <translation>ランダムな値</translation>
    </message>
</context>
<context>
    <name>SetupDock</name>
    <message>
        <source>Show what is below the tabs</source>
        <translation>タブの内容を表示する</translation>
    </message>
    <message>
        <source>Fold away</source>
        <translation>折りたたむ</translation>
    </message>
    <message>
        <source>Views of this job</source>
        <translation>このジョブの表示</translation>
    </message>
</context>
<context>
    <name>SetupPage</name>
    <message>
        <source>Optimizer</source>
        <translation>オプティマイザー</translation>
    </message>
    <message>
        <source>All options</source>
        <translation>全オプション</translation>
    </message>
    <message>
        <source>Change {0}</source>
        <translation>{0} の変更</translation>
    </message>
    <message>
        <source>Find a setting</source>
        <translation>設定を検索</translation>
    </message>
    <message>
        <source>Paste …</source>
        <translation>貼り付け…</translation>
    </message>
    <message>
        <source>Read optimizer arguments or a whole command line</source>
        <translation>オプティマイザーの引数やコマンドライン全体を読み取ります</translation>
    </message>
    <message>
        <source>Go to Run</source>
        <translation>実行ページを開く</translation>
    </message>
    <message>
        <source>The page that starts this training</source>
        <translation>この学習を開始するページです</translation>
    </message>
    <message>
        <source>Sections</source>
        <translation>セクション</translation>
    </message>
</context>
<context>
    <name>Startup</name>
    <message>
        <source>Caddie ended unexpectedly with unsaved changes to “{name}”.</source>
        <translation>Caddie が予期せず終了しました。「{name}」に未保存の変更があります。</translation>
    </message>
    <message>
        <source>Caddie ended unexpectedly with an unsaved job.</source>
        <translation>Caddie が予期せず終了しました。未保存のジョブがあります。</translation>
    </message>
    <message>
        <source>Restore</source>
        <translation>復元</translation>
    </message>
    <message>
        <source>“{name}” is open again, with its unsaved changes.</source>
        <translation>「{name}」を未保存の変更とともに復元しました。</translation>
    </message>
    <message>
        <source>The unsaved job is open again.</source>
        <translation>未保存のジョブを復元しました。</translation>
    </message>
</context>
<context>
    <name>Tiles</name>
    <message>
        <source>{bits}-bit · {system}</source>
        <translation>{bits} ビット版 · {system}</translation>
    </message>
    <message>
        <source>Python</source>
        <translation>Python</translation>
    </message>
    <message>
        <source>PyTorch</source>
        <translation>PyTorch</translation>
    </message>
    <message>
        <source>Broken</source>
        <translation>破損</translation>
    </message>
    <message>
        <source>Not installed</source>
        <translation>未インストール</translation>
    </message>
    <message>
        <source>CUDA {version}</source>
        <translation>CUDA {version}</translation>
    </message>
    <message>
        <source>without CUDA</source>
        <translation>CUDA 非対応</translation>
    </message>
    <message>
        <source>Training runs on the CPU</source>
        <translation>学習は CPU で行われます</translation>
    </message>
    <message>
        <source>GPU</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>None seen</source>
        <translation>見つかりません</translation>
    </message>
    <message>
        <source>{memory} · compute {capability}</source>
        <translation>{memory} · Compute {capability}</translation>
    </message>
    <message>
        <source>{count} GPUs</source>
        <translation>GPU {count} 基</translation>
    </message>
    <message>
        <source>sd-scripts</source>
        <translation>sd-scripts</translation>
    </message>
    <message>
        <source>None</source>
        <translation>なし</translation>
    </message>
    <message>
        <source>Choose its folder to train</source>
        <translation>学習するにはフォルダーを選択</translation>
    </message>
    <message>
        <source>Not usable</source>
        <translation>使用不可</translation>
    </message>
    <message>
        <source>Unknown version</source>
        <translation>バージョン不明</translation>
    </message>
    <message>
        <source>{count} scripts</source>
        <translation>スクリプト {count} 個</translation>
    </message>
</context>
<context>
    <name>Tray</name>
    <message>
        <source>{time} left</source>
        <translation>残り {time}</translation>
    </message>
    <message>
        <source>Open Caddie</source>
        <translation>Caddie を開く</translation>
    </message>
</context>
<context>
    <name>WatchDialog</name>
    <message>
        <source>Watchdogs</source>
        <translation>監視</translation>
    </message>
    <message>
        <source>Caddie looks after the training that is on show, and tells when something goes wrong.</source>
        <translation>表示中の学習を見守り、異常があれば知らせます。</translation>
    </message>
    <message>
        <source>save, then stop</source>
        <translation>保存してから停止</translation>
    </message>
    <message>
        <source>No progress means so long without a step or a line in the log</source>
        <translation>ステップもログも進まないとき、知らせるまでの時間</translation>
    </message>
    <message>
        <source> min</source>
        <translation> 分</translation>
    </message>
    <message>
        <source>Nearly full means less free than</source>
        <translation>空き容量がこれを下回ったら知らせる</translation>
    </message>
    <message>
        <source>Let the system show these messages, and the end of a training, while Caddie is in the background</source>
        <translation>Caddie が背後にあるとき、これらの通知と学習の終了をシステムの通知で知らせる</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
</context>
<context>
    <name>Watching</name>
    <message>
        <source>Show</source>
        <translation>表示</translation>
    </message>
    <message>
        <source>It could not be saved from here, so it goes on.</source>
        <translation>ここからは保存できないため、学習を続けます。</translation>
    </message>
    <message>
        <source>It is being saved and stopped, as the settings of the watchdogs say.</source>
        <translation>監視の設定に従い、保存してから停止します。</translation>
    </message>
</context>
<context>
    <name>WizardDialog</name>
    <message>
        <source>Stop the set-up? What is done stays done, and it goes on from there when you come back.</source>
        <translation>セットアップを中止しますか? 済んだ手順は残り、次回は続きから再開します。</translation>
    </message>
    <message>
        <source>In which folder?</source>
        <translation>作成先のフォルダー</translation>
    </message>
    <message>
        <source>Which Python?</source>
        <translation>使用する Python</translation>
    </message>
    <message>
        <source>Write the whole set-up as a script</source>
        <translation>セットアップ全体をスクリプトに書き出す</translation>
    </message>
    <message>
        <source>No Python {versions} was found. Get Python 3.10 from python.org/downloads, install it, and open this again; or choose one yourself.</source>
        <translation>Python {versions} が見つかりません。python.org/downloads から Python 3.10 を入れてもう一度開くか、自分で選択してください。</translation>
    </message>
    <message>
        <source>Set up sd-scripts</source>
        <translation>sd-scripts のセットアップ</translation>
    </message>
    <message>
        <source>Looking at this computer …</source>
        <translation>この PC を確認しています…</translation>
    </message>
    <message>
        <source>A new sd-scripts</source>
        <translation>新しい sd-scripts</translation>
    </message>
    <message>
        <source>This will be run</source>
        <translation>実行する内容</translation>
    </message>
    <message>
        <source>Setting up</source>
        <translation>セットアップ中</translation>
    </message>
    <message>
        <source>Stopping …</source>
        <translation>中止しています…</translation>
    </message>
    <message>
        <source>It did not come to its end</source>
        <translation>完了しませんでした</translation>
    </message>
    <message>
        <source>sd-scripts is ready</source>
        <translation>sd-scripts の準備ができました</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>開始</translation>
    </message>
    <message>
        <source>Go on</source>
        <translation>続ける</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>次へ</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>戻る</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>中止</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>Write as a script …</source>
        <translation>スクリプトに書き出す…</translation>
    </message>
    <message>
        <source>Everything goes into one new folder. Nothing that is there is ever written over.</source>
        <translation>すべて 1 つの新しいフォルダーに入ります。既にあるものを上書きすることはありません。</translation>
    </message>
    <message>
        <source>About {size} GB in {folder}; 10 to 30 minutes with a usual connection.</source>
        <translation>{folder} に約 {size} GB を使います。通常の回線で 10~30 分かかります。</translation>
    </message>
    <message>
        <source>What is done stays done. “Go on” takes up where it ended, today or later.</source>
        <translation>済んだ手順は残ります。「続ける」で、今すぐでも後日でも続きから再開できます。</translation>
    </message>
    <message>
        <source>{folder} is an environment of Caddie now, and is being checked.</source>
        <translation>{folder} を Caddie の環境に追加し、確認しています。</translation>
    </message>
</context>
</TS>
